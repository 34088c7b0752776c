import type { TopicId, TopicNames } from './topics.ts'
import { formerTransactionalId, processorTransactionalId } from './transactional-id.ts'

/**
 * The least privileges of every role, as Kafka ACLs and Redis ACL rules. `paystatus topics acls` prints them as commands,
 * and a test runs the whole path on servers that allow nothing else.
 *
 * A process with several roles needs the permissions of all of them. No role needs a cluster operation.
 */
export type AclRole = 'gateway' | 'normalizer' | 'processor' | 'deployer' | 'operator' | 'maintainer' | 'eraser'

/** Allowed operations on a resource. In Kafka, Read and Write imply Describe. */
export type KafkaAcl = {
  readonly role: AclRole
  readonly resource: 'topic' | 'group' | 'transactional-id'
  readonly name: string
  /** `prefixed`: every name that starts with `name`. */
  readonly pattern: 'literal' | 'prefixed'
  readonly operations: readonly KafkaOperation[]
  /** Why the role needs it, for people. */
  readonly reason: string
}

export type KafkaOperation = 'Read' | 'Write' | 'Create' | 'Describe' | 'DescribeConfigs' | 'Delete'

/** The settings that determine the names of an installation's resources. */
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
    // The id of each partition of `events` ends with its number.
    name: idOf(topics.events, 0).replace(/0$/, ''),
    pattern: 'prefixed',
    operations: ['Write'],
    reason,
  })
  const all = Object.keys(topics) as TopicId[]
  return [
    ...onTopics('gateway', ['raw'], WRITE, 'appends callbacks'),
    ...onTopics('gateway', ['keys'], WRITE, 'appends the data keys of encrypted callbacks'),
    ...onTopics('gateway', ['forgottenKeys'], READ, 'avoids forgotten data keys'),

    ...onTopics('normalizer', ['raw'], READ, 'reads callbacks'),
    ...onTopics('normalizer', ['keys', 'forgottenKeys'], READ, 'decrypts callbacks'),
    ...onTopics('normalizer', ['events'], WRITE, 'appends events'),
    ...onTopics('normalizer', ['rawDeadLetters'], BOTH, 'appends dead letters, counts those that wait'),
    ...onTopics('normalizer', ['resolvedDeadLetters'], READ, 'counts the open dead letters'),
    onGroup('normalizer', normalizerGroup, ['Read'], 'joins the group and commits offsets'),

    ...onTopics('processor', ['events'], READ, 'reads events'),
    // Reads its outputs to see whether its last transaction is decided, and replays `current` into Redis.
    ...onTopics(
      'processor',
      ['current', 'changes', 'eventDeadLetters'],
      BOTH,
      'publishes results, settles its last transaction',
    ),
    ...onTopics('processor', ['resolvedDeadLetters'], READ, 'counts the open dead letters'),
    onGroup('processor', processorGroup, ['Read'], 'joins the group, commits offsets in its transactions'),
    onTransactionalIds(processorTransactionalId, 'fences former owners, publishes exactly once'),
    onTransactionalIds(
      (...of) => formerTransactionalId(environment, processorGroup, ...of),
      'fences former owners of the previous release',
    ),

    ...onTopics('deployer', all, ['Create', 'Describe', 'DescribeConfigs'], 'topics apply and check'),

    ...[normalizerGroup, processorGroup].map((group) =>
      onGroup('deployer', group, ['Describe'], 'topics check: reads what the stages recorded about their topics'),
    ),

    ...onTopics('operator', all, READ, 'show, why, verify, drift, overdue, tail, audit, topics check, console'),
    ...(['operator', 'maintainer'] as const).flatMap((role) =>
      [normalizerGroup, processorGroup].map((group) =>
        onGroup(role, group, ['Describe'], 'reads the progress of the stages'),
      ),
    ),

    // The only way to a status is through `events`: like every role but the processor, it cannot write one.
    ...onTopics('maintainer', all, READ, 'reprocess, dlq, console: reads what was received and published'),
    ...onTopics(
      'maintainer',
      ['events'],
      ['Write'],
      'reprocess, dlq redrive, carry-over, also in the console: publishes events',
    ),
    ...onTopics(
      'maintainer',
      ['resolvedDeadLetters', 'audit'],
      ['Write'],
      'reprocess, dlq, repair, carry-over, console: records what was done',
    ),

    ...onTopics('eraser', ['raw', 'current', 'changes'], READ, 'forget: finds the callbacks of a payment'),
    ...onTopics('eraser', ['keys', 'forgottenKeys'], BOTH, 'forget: marks data keys as forgotten and deletes them'),
    ...onTopics('eraser', ['audit'], WRITE, 'forget: records what was done'),
    onGroup('eraser', normalizerGroup, ['Describe'], 'forget: waits until no status can be lost'),
  ]
}

export interface RedisAcl {
  readonly role: AclRole
  readonly rules: readonly string[]
  readonly reason: string
}

/** What ioredis sends on connecting and to discover cluster slots; `info` also gives the eviction policy. */
const REDIS_CONNECTION = ['+auth', '+info', '+select', '+cluster|slots'] as const
/** Reads of the states and both indexes; the counts show whether they are complete. */
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
/** The view's scripts and the commands they call. */
const REDIS_WRITING = ['+eval', '+evalsha', '+hget', '+hstrlen', '+hset', '+hdel', '+zadd', '+zrem', '+unlink'] as const

export function redisAcls({ environment, processorGroup }: AclScope): readonly RedisAcl[] {
  const keys = `{${environment}.${processorGroup}.p*}:*`
  const base = ['on', 'resetkeys', 'resetchannels', 'nocommands']
  return [
    {
      role: 'processor',
      rules: [...base, `~${keys}`, ...REDIS_CONNECTION, ...REDIS_READING, ...REDIS_WRITING],
      reason: 'maintains the view',
    },
    ...(['operator', 'maintainer'] as const).map((role) => ({
      role,
      rules: [...base, `%R~${keys}`, ...REDIS_CONNECTION, ...REDIS_READING],
      reason: role === 'operator' ? 'show, why, verify, console' : 'dlq: statuses before and after; console',
    })),
  ]
}

export interface CommandOptions {
  readonly brokers: readonly string[]
  /** Precedes the role: `User:paystatus-` gives `User:paystatus-gateway`. */
  readonly principalPrefix: string
}

const OPTIONS = {
  topic: '--topic',
  group: '--group',
  'transactional-id': '--transactional-id',
} as const satisfies Record<KafkaAcl['resource'], string>

/** A shell command that adds the ACL. Adding an ACL twice changes nothing. */
export function kafkaAclCommand(acl: KafkaAcl, { brokers, principalPrefix }: CommandOptions): string {
  return [
    `kafka-acls.sh --bootstrap-server ${brokers.join(',')} --command-config admin.properties --add`,
    `--allow-principal ${quoted(principalPrefix + acl.role)}`,
    ...acl.operations.map((operation) => `--operation ${operation}`),
    `${OPTIONS[acl.resource]} ${quoted(acl.name)}`,
    ...(acl.pattern === 'prefixed' ? ['--resource-pattern-type prefixed'] : []),
  ].join(' ')
}

/** The command sets no password: set it with `ACL SETUSER <user> '>password'`, or its SHA-256 with `#`. */
export function redisAclCommand(acl: RedisAcl, { principalPrefix }: Pick<CommandOptions, 'principalPrefix'>): string {
  const user = (principalPrefix + acl.role).replace(/^User:/, '')
  return `redis-cli ACL SETUSER ${[user, ...acl.rules].map(quoted).join(' ')}`
}

function quoted(text: string): string {
  return /^[A-Za-z0-9_.,:+/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
