import { z } from 'zod'

const ms = z.number().int().min(1)
const count = z.number().int().min(1)

/** How much a caller may send and for how long: the fields of `gateway` that are limits, each with its default. */
export const GATEWAY_LIMITS = {
  /** The caller gets an answer within this time, whatever the broker does. J.P. Morgan's sibling API gives up at 3 s. */
  answerDeadlineMs: ms.default(1_500),
  /** From the connection, or the first byte of a later request, to the end of the request's head; TLS has as long. */
  headersTimeoutMs: ms.default(5_000),
  /** The same to the end of its body, which is let go by when the request is answered earlier. */
  requestTimeoutMs: ms.default(10_000),
  /** Longer than the idle timeout of common load balancers (60 s), so that it is they who close an idle connection. */
  keepAliveTimeoutMs: ms.default(75_000),
  /** How long an answer may wait for its caller to read it. */
  answerReadTimeoutMs: ms.default(5_000),
  connectionsMax: count.default(10_000),
  /** Of one IPv4 address, or one IPv6 network of 64 bits. A load balancer is one address. */
  connectionsPerAddressMax: count.default(1_000),
  headerBytesMax: z.number().int().min(1_024).max(1_048_576).default(16_384),
  headersMax: count.max(1_000).default(100),
  bodyBytesMax: z.number().int().min(1_024).max(1_000_000).default(262_144),
  /** Bounds of what waits for the broker; beyond them callers get a 503 at once. */
  waitingRecordsMax: count.default(20_000),
  waitingBytesMax: z
    .number()
    .int()
    .min(1_024)
    .default(64 * 1024 * 1024),
} as const

/** Of one source. */
export const SOURCE_LIMITS = {
  /** About what one process takes on two cores; twice as much at once, for the backlog after an outage. */
  requestsPerSecondMax: z.number().positive().default(5_000),
  /** The providers' own bodies reach about ten. */
  jsonDepthMax: z.number().int().min(16).max(1_000).default(64),
} as const

interface Timeouts {
  readonly answerDeadlineMs: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
}

/** Limits that contradict each other. */
export function gatewayLimitProblems(gateway: Timeouts): string[] {
  const problems: string[] = []
  if (gateway.headersTimeoutMs > gateway.requestTimeoutMs) {
    problems.push('gateway.headersTimeoutMs: must not be above gateway.requestTimeoutMs, of which the head is a part')
  }
  if (gateway.answerDeadlineMs > gateway.requestTimeoutMs) {
    problems.push('gateway.answerDeadlineMs: must not be above gateway.requestTimeoutMs, or slow callers get no answer')
  }
  return problems
}
