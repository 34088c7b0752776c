/** What can go wrong for good. `code` is stable, the message says what to do. */
export type ClientErrorCode =
  /** The group was away for longer than Kafka keeps what it needs to know what was forgotten meanwhile. */
  | 'AWAY_TOO_LONG'
  /** The payment's partition is assigned to another instance of the group. */
  | 'NOT_ASSIGNED'
  /** The table is not complete yet: `onChange` (or `open` with `table: 'all'`) has not resolved. */
  | 'NOT_READY'
  /** No broker can be reached, or it refuses the login. */
  | 'UNREACHABLE'
  /** A value that is not what paystatus writes, or a schema that the registry does not have. */
  | 'UNREADABLE'
  /** The two topics are not there, or differ in their number of partitions. */
  | 'WRONG_TOPICS'
  /** Used after `stop`, or `onChange` was called twice. */
  | 'WRONG_USE'
  /** kafkajs gave up. */
  | 'CONSUMER_CRASHED'

export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode

  constructor(code: ClientErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
