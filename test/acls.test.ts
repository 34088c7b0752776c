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

test('I7 every stage may write what the topology says it writes, and nobody else may', () => {
  for (const { stage, reads, writes } of TOPOLOGY) {
    const may = (operation: 'Read' | 'Write') =>
      kafkaAcls(SCOPE).flatMap(({ role, resource, name, operations }) =>
        role === stage && resource === 'topic' && operations.includes(operation) ? [name] : [],
      )
    const names = (ids: readonly TopicId[]) => ids.map((id) => SCOPE.topics[id])
    expect(may('Write').toSorted()).toEqual(names(writes).toSorted())
    // The processor also looks into its own outputs.
    expect(may('Read').toSorted()).toEqual(
      [...names(reads === null ? [] : [reads]), ...(stage === 'processor' ? names(writes) : [])].toSorted(),
    )
  }
  const others = kafkaAcls(SCOPE).filter(({ role }) => !TOPOLOGY.some(({ stage }) => stage === role))
  expect(others.filter(({ operations }) => operations.includes('Write'))).toEqual([])
})

test('commands are for a shell: what it would read otherwise is quoted', () => {
  const ofTransactions = kafkaAcls(SCOPE).find(({ resource }) => resource === 'transactional-id')
  expect(ofTransactions && kafkaAclCommand(ofTransactions, OPTIONS)).toBe(
    "kafka-acls.sh --bootstrap-server a:1,b:2 --command-config admin.properties --add --allow-principal 'User:CN=paystatus processor' --operation Write --transactional-id prod.processor.payments.events. --resource-pattern-type prefixed",
  )
  const [processor] = redisAcls(SCOPE)
  expect(processor && redisAclCommand(processor, { principalPrefix: 'User:ps-' })).toMatch(
    /^redis-cli ACL SETUSER ps-processor on resetkeys resetchannels nocommands '~\{prod\.processor\.p\*\}:\*' \+auth /,
  )
})
