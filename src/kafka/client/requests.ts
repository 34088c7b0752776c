import {
  always,
  array,
  boolean,
  bytes,
  int8,
  int16,
  int32,
  int64,
  nullableArray,
  nullableBytes,
  nullableString,
  old,
  string,
  struct,
  uuid,
  type WireType,
} from './wire-types.ts'

/**
 * Every request we send: its key, one pinned version, and the grammar of request and response on the wire. All versions are
 * supported by brokers since Kafka 3.1, unless noted. Arrays, strings and bytes have compact lengths and every struct ends
 * with tagged fields, except where `old` types are used.
 */
export interface RequestType<Q, A> {
  readonly name: string
  readonly key: number
  readonly version: number
  /** Whether the headers of request and response have tagged fields. */
  readonly header: 'tagged' | 'old' | 'tagged, old response'
  readonly request: WireType<Q>
  readonly response: WireType<A>
}

function define<Q, A>(
  name: string,
  key: number,
  version: number,
  request: WireType<Q>,
  response: WireType<A>,
  header: RequestType<Q, A>['header'] = 'tagged',
): RequestType<Q, A> {
  return { name, key, version, header, request, response }
}

/** The same request in another version with the same grammar. */
function inVersion<Q, A>(request: RequestType<Q, A>, version: number): RequestType<Q, A> {
  return { ...request, version }
}

const CONSUMER = -1
/** Of a leader. */
export const ANY_EPOCH = -1
export const READ_UNCOMMITTED = 0
export const READ_COMMITTED = 1

const topics = <T>(partition: WireType<T>) => array(struct({ name: string, partitions: array(partition) }))
const throttled = { throttleTimeMs: int32 }

/** The first request on every connection. The header of its response never has tagged fields. */
export const API_VERSIONS = define(
  'ApiVersions',
  18,
  3,
  struct({ softwareName: string, softwareVersion: string }),
  struct(
    {
      errorCode: int16,
      apis: array(struct({ key: int16, minVersion: int16, maxVersion: int16 })),
      throttleTimeMs: int32,
    },
    { features: [2, array(struct({ name: string, maxLevel: int16, minLevel: int16 }))] },
  ),
  'tagged, old response',
)

export const SASL_HANDSHAKE = define(
  'SaslHandshake',
  17,
  1,
  old.struct({ mechanism: old.string }),
  old.struct({ errorCode: int16, mechanisms: old.array(old.string) }),
  'old',
)

export const SASL_AUTHENTICATE = define(
  'SaslAuthenticate',
  36,
  2,
  struct({ bytes }),
  // Lifetime of the session, ms; 0: unlimited.
  struct({ errorCode: int16, errorMessage: nullableString, bytes, sessionLifetimeMs: int64 }),
)

export const METADATA = define(
  'Metadata',
  3,
  12,
  struct({
    // Empty: no topics, only the brokers.
    topics: array(struct({ id: uuid, name: nullableString })),
    allowAutoTopicCreation: always(boolean, false),
    includeAuthorizedOperations: always(boolean, false),
  }),
  struct({
    ...throttled,
    brokers: array(struct({ nodeId: int32, host: string, port: int32, rack: nullableString })),
    clusterId: nullableString,
    controllerId: int32,
    topics: array(
      struct({
        errorCode: int16,
        name: nullableString,
        id: uuid,
        isInternal: boolean,
        partitions: array(
          struct({
            errorCode: int16,
            partition: int32,
            // -1: none.
            leader: int32,
            leaderEpoch: int32,
            replicas: array(int32),
            inSync: array(int32),
            offline: array(int32),
          }),
        ),
        authorizedOperations: int32,
      }),
    ),
  }),
)

export const FIND_COORDINATOR = define(
  'FindCoordinator',
  10,
  4,
  // 0: of a group; 1: of a transactional id.
  struct({ keyType: int8, keys: array(string) }),
  struct({
    ...throttled,
    coordinators: array(
      struct({ key: string, nodeId: int32, host: string, port: int32, errorCode: int16, errorMessage: nullableString }),
    ),
  }),
)

/** Version 9, for producers without transactions, or with a transaction protocol before version 2. */
export const PRODUCE = define(
  'Produce',
  0,
  9,
  struct({
    transactionalId: nullableString,
    // All in-sync replicas: an append that the loss of one broker can undo must not be reported as a success.
    acks: always(int16, -1),
    timeoutMs: int32,
    topics: array(struct({ name: string, partitions: array(struct({ partition: int32, batch: nullableBytes })) })),
  }),
  struct({
    topics: topics(
      struct({
        partition: int32,
        errorCode: int16,
        baseOffset: int64,
        logAppendTimeMs: int64,
        logStartOffset: int64,
        recordErrors: array(struct({ index: int32, message: nullableString })),
        errorMessage: nullableString,
      }),
    ),
    throttleTimeMs: int32,
  }),
)

/** Implicitly adds the partitions to the transaction (KIP-890). Supported by brokers since Kafka 4.0. */
export const PRODUCE_ADDING = inVersion(PRODUCE, 12)

export const FETCH = define(
  'Fetch',
  1,
  13,
  struct({
    replicaId: always(int32, CONSUMER),
    maxWaitMs: int32,
    // Answered as soon as there is one record.
    minBytes: always(int32, 1),
    maxBytes: int32,
    isolationLevel: int8,
    // No fetch session.
    sessionId: always(int32, 0),
    sessionEpoch: always(int32, -1),
    topics: array(
      struct({
        id: uuid,
        partitions: array(
          struct({
            partition: int32,
            currentLeaderEpoch: always(int32, ANY_EPOCH),
            offset: int64,
            // ANY_EPOCH, or the leader checks whether its log still has this epoch before the offset.
            lastFetchedEpoch: int32,
            // Only for replicas.
            logStartOffset: always(int64, -1n),
            maxBytes: int32,
          }),
        ),
      }),
    ),
    forgotten: always(array(uuid), []),
    rackId: always(string, ''),
  }),
  struct({
    ...throttled,
    errorCode: int16,
    sessionId: int32,
    topics: array(
      struct({
        id: uuid,
        partitions: array(
          struct(
            {
              partition: int32,
              errorCode: int16,
              highWatermark: int64,
              lastStableOffset: int64,
              logStartOffset: int64,
              abortedTransactions: nullableArray(struct({ producerId: int64, firstOffset: int64 })),
              preferredReadReplica: int32,
              records: nullableBytes,
            },
            { diverging: [0, struct({ leaderEpoch: int32, endOffset: int64 })] },
          ),
        ),
      }),
    ),
  }),
)

export const LIST_OFFSETS = define(
  'ListOffsets',
  2,
  7,
  struct({
    replicaId: always(int32, CONSUMER),
    isolationLevel: int8,
    // Timestamp, ms since the epoch; -1: the end; -2: the start.
    topics: topics(struct({ partition: int32, currentLeaderEpoch: always(int32, ANY_EPOCH), timestamp: int64 })),
  }),
  struct({
    ...throttled,
    topics: topics(struct({ partition: int32, errorCode: int16, timestamp: int64, offset: int64, leaderEpoch: int32 })),
  }),
)

export const OFFSET_FOR_LEADER_EPOCH = define(
  'OffsetForLeaderEpoch',
  23,
  4,
  struct({
    replicaId: always(int32, CONSUMER),
    topics: topics(struct({ partition: int32, currentLeaderEpoch: always(int32, ANY_EPOCH), leaderEpoch: int32 })),
  }),
  struct({
    ...throttled,
    // An epoch of -1: the log has no epoch up to the requested one, or no information about epochs.
    topics: topics(struct({ errorCode: int16, partition: int32, leaderEpoch: int32, endOffset: int64 })),
  }),
)

export const JOIN_GROUP = define(
  'JoinGroup',
  11,
  7,
  struct({
    group: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: int32,
    // Empty: a new member.
    memberId: string,
    instanceId: nullableString,
    protocolType: string,
    protocols: array(struct({ name: string, metadata: bytes })),
  }),
  struct({
    ...throttled,
    errorCode: int16,
    generation: int32,
    protocolType: nullableString,
    protocol: nullableString,
    leader: string,
    memberId: string,
    // Only for the leader.
    members: array(struct({ memberId: string, instanceId: nullableString, metadata: bytes })),
  }),
)

export const SYNC_GROUP = define(
  'SyncGroup',
  14,
  5,
  struct({
    group: string,
    generation: int32,
    memberId: string,
    instanceId: nullableString,
    protocolType: nullableString,
    protocol: nullableString,
    assignments: array(struct({ memberId: string, assignment: bytes })),
  }),
  struct({
    ...throttled,
    errorCode: int16,
    protocolType: nullableString,
    protocol: nullableString,
    assignment: bytes,
  }),
)

export const HEARTBEAT = define(
  'Heartbeat',
  12,
  4,
  struct({ group: string, generation: int32, memberId: string, instanceId: nullableString }),
  struct({ ...throttled, errorCode: int16 }),
)

export const LEAVE_GROUP = define(
  'LeaveGroup',
  13,
  4,
  struct({ group: string, members: array(struct({ memberId: string, instanceId: nullableString })) }),
  struct({
    ...throttled,
    errorCode: int16,
    members: array(struct({ memberId: string, instanceId: nullableString, errorCode: int16 })),
  }),
)

const committedOffset = struct({
  partition: int32,
  offset: int64,
  leaderEpoch: always(int32, ANY_EPOCH),
  metadata: nullableString,
})
const committedResults = struct({ ...throttled, topics: topics(struct({ partition: int32, errorCode: int16 })) })

export const OFFSET_COMMIT = define(
  'OffsetCommit',
  8,
  8,
  struct({
    group: string,
    generation: int32,
    memberId: string,
    instanceId: nullableString,
    topics: topics(committedOffset),
  }),
  committedResults,
)

export const OFFSET_FETCH = define(
  'OffsetFetch',
  9,
  8,
  struct({
    groups: array(
      struct({
        group: string,
        // Null: all.
        topics: nullableArray(struct({ name: string, partitions: array(int32) })),
      }),
    ),
    requireStable: boolean,
  }),
  struct({
    ...throttled,
    groups: array(
      struct({
        group: string,
        topics: topics(
          struct({
            partition: int32,
            // -1: none.
            offset: int64,
            leaderEpoch: int32,
            metadata: nullableString,
            errorCode: int16,
          }),
        ),
        errorCode: int16,
      }),
    ),
  }),
)

export const INIT_PRODUCER_ID = define(
  'InitProducerId',
  22,
  4,
  struct({
    transactionalId: nullableString,
    transactionTimeoutMs: int32,
    // No identity yet.
    producerId: always(int64, -1n),
    producerEpoch: always(int16, -1),
  }),
  struct({ ...throttled, errorCode: int16, producerId: int64, producerEpoch: int16 }),
)

const producer = { transactionalId: string, producerId: int64, producerEpoch: int16 }

export const ADD_PARTITIONS_TO_TXN = define(
  'AddPartitionsToTxn',
  24,
  3,
  struct({ ...producer, topics: array(struct({ name: string, partitions: array(int32) })) }),
  struct({ ...throttled, topics: topics(struct({ partition: int32, errorCode: int16 })) }),
)

export const ADD_OFFSETS_TO_TXN = define(
  'AddOffsetsToTxn',
  25,
  3,
  struct({ ...producer, group: string }),
  struct({ ...throttled, errorCode: int16 }),
)

export const TXN_OFFSET_COMMIT = define(
  'TxnOffsetCommit',
  28,
  3,
  struct({
    transactionalId: string,
    group: string,
    producerId: int64,
    producerEpoch: int16,
    // No member: former owners are fenced by the transactional id, not by the group's generation.
    generation: always(int32, -1),
    memberId: always(string, ''),
    instanceId: always(nullableString, null),
    topics: topics(committedOffset),
  }),
  committedResults,
)

/** Implicitly adds the offsets to the transaction (KIP-890). Supported by brokers since Kafka 4.0. */
export const TXN_OFFSET_COMMIT_ADDING = inVersion(TXN_OFFSET_COMMIT, 5)

const endTxn = struct({ ...producer, committed: boolean })

export const END_TXN = define('EndTxn', 26, 3, endTxn, struct({ ...throttled, errorCode: int16 }))

/** The response contains the producer's identity for the next transaction (KIP-890). Supported by brokers since Kafka 4.0. */
export const END_TXN_RENEWING = define(
  'EndTxn',
  26,
  5,
  endTxn,
  struct({ ...throttled, errorCode: int16, producerId: int64, producerEpoch: int16 }),
)

export const CREATE_TOPICS = define(
  'CreateTopics',
  19,
  7,
  struct({
    topics: array(
      struct({
        name: string,
        partitions: int32,
        replicationFactor: int16,
        // The brokers choose.
        assignments: always(array(int32), []),
        configs: array(struct({ name: string, value: nullableString })),
      }),
    ),
    timeoutMs: int32,
    validateOnly: always(boolean, false),
  }),
  struct({
    ...throttled,
    topics: array(
      struct({
        name: string,
        id: uuid,
        errorCode: int16,
        errorMessage: nullableString,
        partitions: int32,
        replicationFactor: int16,
        configs: nullableArray(
          struct({ name: string, value: nullableString, readOnly: boolean, source: int8, isSensitive: boolean }),
        ),
      }),
    ),
  }),
)

export const DELETE_TOPICS = define(
  'DeleteTopics',
  20,
  6,
  struct({ topics: array(struct({ name: nullableString, id: uuid })), timeoutMs: int32 }),
  struct({
    ...throttled,
    topics: array(struct({ name: nullableString, id: uuid, errorCode: int16, errorMessage: nullableString })),
  }),
)

export const DESCRIBE_CONFIGS = define(
  'DescribeConfigs',
  32,
  4,
  struct({
    // Topics, with all their settings.
    resources: array(struct({ type: always(int8, 2), name: string, keys: always(nullableArray(string), null) })),
    includeSynonyms: always(boolean, false),
    includeDocumentation: always(boolean, false),
  }),
  struct({
    ...throttled,
    resources: array(
      struct({
        errorCode: int16,
        errorMessage: nullableString,
        type: int8,
        name: string,
        configs: array(
          struct({
            name: string,
            value: nullableString,
            readOnly: boolean,
            source: int8,
            isSensitive: boolean,
            synonyms: array(struct({ name: string, value: nullableString, source: int8 })),
            type: int8,
            documentation: nullableString,
          }),
        ),
      }),
    ),
  }),
)

export const DESCRIBE_GROUPS = define(
  'DescribeGroups',
  15,
  5,
  struct({ groups: array(string), includeAuthorizedOperations: always(boolean, false) }),
  struct({
    ...throttled,
    groups: array(
      struct({
        errorCode: int16,
        group: string,
        state: string,
        protocolType: string,
        protocol: string,
        members: array(
          struct({
            memberId: string,
            instanceId: nullableString,
            clientId: string,
            clientHost: string,
            metadata: bytes,
            assignment: bytes,
          }),
        ),
        authorizedOperations: int32,
      }),
    ),
  }),
)
