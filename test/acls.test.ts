import { expect, test } from 'vitest'
import { kafkaAclCommand, kafkaAcls, redisAclCommand, redisAcls } from '../src/acls.ts'
import { type TopicId, topicNames } from '../src/topics.ts'
import { TOPOLOGY } from '../src/topology.ts'

const SCOPE = {
  topics: topicNames(''),
  environment: 'prod',
  normalizerGroup: 'normalizer',
  processorGroup: 'processor',
}
const OPTIONS = { brokers: ['a:1', 'b:2'], principalPrefix: 'User:CN=paystatus ' }

/** Topics that a stage reads besides its input: data keys, its dead letters, and for the processor its other outputs. */
const LOOKED_INTO: Readonly<Record<string, readonly TopicId[]>> = {
  gateway: ['forgottenKeys'],
  normalizer: ['keys', 'forgottenKeys', 'rawDeadLetters', 'resolvedDeadLetters'],
  processor: ['current', 'changes', 'eventDeadLetters', 'resolvedDeadLetters'],
}

test('I7: each stage can write exactly the topics that the topology assigns to it, and no other role can', () => {
  for (const { stage, reads, writes } of TOPOLOGY) {
    const may = (operation: 'Read' | 'Write') =>
      kafkaAcls(SCOPE).flatMap(({ role, resource, name, operations }) =>
        role === stage && resource === 'topic' && operations.includes(operation) ? [name] : [],
      )
    const names = (ids: readonly TopicId[]) => ids.map((id) => SCOPE.topics[id])
    expect(may('Write').toSorted()).toEqual(names(writes).toSorted())
    expect(may('Read').toSorted()).toEqual(
      names([...(reads === null ? [] : [reads]), ...(LOOKED_INTO[stage] ?? [])]).toSorted(),
    )
  }
  const others = kafkaAcls(SCOPE).filter(({ role }) => !TOPOLOGY.some(({ stage }) => stage === role))
  const writable = others.filter(({ operations }) => operations.includes('Write'))
  expect(writable.map(({ role, name }) => [role, name])).toEqual([
    ['maintainer', SCOPE.topics.events],
    ['maintainer', SCOPE.topics.resolvedDeadLetters],
    ['maintainer', SCOPE.topics.audit],
    ['eraser', SCOPE.topics.keys],
    ['eraser', SCOPE.topics.forgottenKeys],
    ['eraser', SCOPE.topics.audit],
  ])
})

test('commands quote names that a shell would interpret', () => {
  const ofTransactions = kafkaAcls(SCOPE).find(({ resource }) => resource === 'transactional-id')
  expect(ofTransactions && kafkaAclCommand(ofTransactions, OPTIONS)).toBe(
    "kafka-acls.sh --bootstrap-server a:1,b:2 --command-config admin.properties --add --allow-principal 'User:CN=paystatus processor' --operation Write --transactional-id paystatus.payments.events. --resource-pattern-type prefixed",
  )
  const [processor] = redisAcls(SCOPE)
  expect(processor && redisAclCommand(processor, { principalPrefix: 'User:ps-' })).toMatch(
    /^redis-cli ACL SETUSER ps-processor on resetkeys resetchannels nocommands '~\{prod\.processor\.p\*\}:\*' \+auth /,
  )
})
