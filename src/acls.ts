import { formerTransactionalId, processorTransactionalId } from './stream/transactional-id.ts'
import type { TopicId, TopicNames } from './topics.ts'

/**
 * What every role may do, and nothing more: Kafka's ACLs and Redis' rules, as data. `paystatus topics acls` prints them as
 * commands, and a test runs the whole path on a broker that allows nothing else.
 *
 * Roles that share a process need the sum of theirs. Nobody needs an operation on the cluster.
 */
export type AclRole = 'gateway' | 'normalizer' | 'processor' | 'deployer' | 'operator' | 'eraser'

/** A resource with the operations on it. Kafka takes Describe as said by Read and Write. */
export type KafkaAcl = {
  readonly role: AclRole
  readonly resource: 'topic' | 'group' | 'transactional-id'
  readonly name: string
  /** `prefixed`: every name that begins so. */
  readonly pattern: 'literal' | 'prefixed'
  readonly operations: readonly KafkaOperation[]
  /** For a person. */
  readonly reason: string
}

export type KafkaOperation = 'Read' | 'Write' | 'Create' | 'Describe' | 'DescribeConfigs' | 'Delete'

/** What the names of an installation depend on; the configuration is one. */
export interface AclScope {
  readonly topics: TopicNames
  readonly environment: string
  readonly normalizerGroup: string
  readonly processorGroup: string
}

const READ = ['Read', 'DescribeConfigs'] as const
const WRITE = ['Write', 'DescribeConfigs'] as const
const BOTH = ['Read', 'Write', 'DescribeConfigs'] as const

export function kafkaAcls({ topics, environment, normalizerGroup, processorGroup }: AclScope): readonly KafkaAcl[] {
  const onTopics = (role: AclRole, ids: readonly TopicId[], operations: readonly KafkaOperation[], reason: string) =>
    ids.map(
      (id): KafkaAcl => ({
        role,
        resource: 'topic',
        name: topics[id],
        pattern: 'literal',
        operations,
        reason,
      }),
    )
  const onGroup = (role: AclRole, name: string, operations: readonly KafkaOperation[], reason: string): KafkaAcl => ({
    role,
    resource: 'group',
    name,
    pattern: 'literal',
    operations,
    reason,
  })
  const onTransactionalIds = (idOf: (topic: string, partition: number) => string, reason: string): KafkaAcl => ({
    role: 'processor',
    resource: 'transactional-id',
    // One for each partition of events.
    name: idOf(topics.events, 0).replace(/0$/, ''),
    pattern: 'prefixed',
    operations: ['Write'],
    reason,
  })
  const all = Object.keys(topics) as TopicId[]
  return [
    ...onTopics('gateway', ['raw'], WRITE, 'appends callbacks'),
    ...onTopics('gateway', ['keys'], WRITE, 'appends the data keys of encrypted callbacks'),
    ...onTopics('gateway', ['forgottenKeys'], READ, 'uses no data key that was forgotten'),

    ...onTopics('normalizer', ['raw'], READ, 'reads callbacks'),
    ...onTopics('normalizer', ['keys', 'forgottenKeys'], READ, 'opens encrypted callbacks'),
    ...onTopics('normalizer', ['events', 'rawDeadLetters'], WRITE, 'appends events and dead letters'),
    onGroup('normalizer', normalizerGroup, ['Read'], 'joins and commits'),

    ...onTopics('processor', ['events'], READ, 'reads events'),
    // It looks in its outputs whether its last transaction is decided, and replays `current` into Redis.
    ...onTopics(
      'processor',
      ['current', 'changes', 'eventDeadLetters'],
      BOTH,
      'publishes, and settles what it published',
    ),
    onGroup('processor', processorGroup, ['Read'], 'joins, and commits in its transactions'),
    onTransactionalIds(processorTransactionalId, 'fences former owners, publishes exactly once'),
    onTransactionalIds(
      (...of) => formerTransactionalId(environment, processorGroup, ...of),
      'fences former owners that run the release before',
    ),

    ...onTopics('deployer', all, ['Create', 'Describe', 'DescribeConfigs'], 'topics apply and check'),

    ...[normalizerGroup, processorGroup].map((group) =>
      onGroup('deployer', group, ['Describe'], 'topics check: what the stages wrote down about their topics'),
    ),

    ...onTopics('operator', all, READ, 'show, why, verify, drift, overdue, tail, topics check'),
    ...[normalizerGroup, processorGroup].map((group) =>
      onGroup('operator', group, ['Describe'], 'sees how far the stages are'),
    ),
    {
      ...onGroup('operator', 'paystatus-tail-', ['Read', 'Delete'], 'tail, which leaves no group behind'),
      pattern: 'prefixed',
    },

    ...onTopics('eraser', ['raw', 'current', 'changes'], READ, 'forget: which callbacks speak of a payment'),
    ...onTopics('eraser', ['keys', 'forgottenKeys'], BOTH, 'forget: notes and deletes data keys'),
    onGroup('eraser', normalizerGroup, ['Describe'], 'forget: waits until no status can be lost'),
  ]
}

export interface RedisAcl {
  readonly role: AclRole
  readonly rules: readonly string[]
  readonly reason: string
}

/** What ioredis says before it is ready and to learn of a cluster's slots, and the look at the eviction policy. */
const REDIS_CONNECTION = ['+auth', '+info', '+select', '+cluster|slots'] as const
/** Of the states and of both indexes; the counts say whether all of them are there. */
const REDIS_READING = [
  '+hmget',
  '+hlen',
  '+zcard',
  '+hscan',
  '+zscan',
  '+zmscore',
  '+zrangebyscore',
  '+zrangebylex',
] as const
/** The scripts of the view, and what they call. */
const REDIS_WRITING = ['+eval', '+evalsha', '+hget', '+hstrlen', '+hset', '+hdel', '+zadd', '+zrem', '+unlink'] as const

export function redisAcls({ environment, processorGroup }: AclScope): readonly RedisAcl[] {
  const keys = `{${environment}.${processorGroup}.p*}:*`
  const base = ['on', 'resetkeys', 'resetchannels', 'nocommands']
  return [
    {
      role: 'processor',
      rules: [...base, `~${keys}`, ...REDIS_CONNECTION, ...REDIS_READING, ...REDIS_WRITING],
      reason: 'keeps the view',
    },
    {
      role: 'operator',
      rules: [...base, `%R~${keys}`, ...REDIS_CONNECTION, ...REDIS_READING],
      reason: 'show, why, verify',
    },
  ]
}

export interface CommandOptions {
  readonly brokers: readonly string[]
  /** Before the role: `User:paystatus-` makes `User:paystatus-gateway`. */
  readonly principalPrefix: string
}

const OPTIONS = {
  topic: '--topic',
  group: '--group',
  'transactional-id': '--transactional-id',
} as const satisfies Record<KafkaAcl['resource'], string>

/** One command for a resource, for a shell. What is there already stays: adding an ACL twice changes nothing. */
export function kafkaAclCommand(acl: KafkaAcl, { brokers, principalPrefix }: CommandOptions): string {
  return [
    `kafka-acls.sh --bootstrap-server ${brokers.join(',')} --command-config admin.properties --add`,
    `--allow-principal ${quoted(principalPrefix + acl.role)}`,
    ...acl.operations.map((operation) => `--operation ${operation}`),
    `${OPTIONS[acl.resource]} ${quoted(acl.name)}`,
    ...(acl.pattern === 'prefixed' ? ['--resource-pattern-type prefixed'] : []),
  ].join(' ')
}

/** Without a password: give it with `ACL SETUSER <user> '>password'`, or its SHA-256 with `#`. */
export function redisAclCommand(acl: RedisAcl, { principalPrefix }: Pick<CommandOptions, 'principalPrefix'>): string {
  const user = (principalPrefix + acl.role).replace(/^User:/, '')
  return `redis-cli ACL SETUSER ${[user, ...acl.rules].map(quoted).join(' ')}`
}

function quoted(text: string): string {
  return /^[A-Za-z0-9_.,:+/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
