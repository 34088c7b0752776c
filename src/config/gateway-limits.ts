import { z } from 'zod'
import { milliseconds } from './milliseconds.ts'

const count = z.number().int().min(1)

/** The limits in the section `gateway`, each with its default. */
export const GATEWAY_LIMITS = {
  /** The caller is answered within this time, whatever the broker does. J.P. Morgan's sibling API gives up after 3 s. */
  answerDeadlineMs: milliseconds().default(1_500),
  /** From the connection, or the first byte of a later request, to the end of the headers. TLS handshakes have the same limit. */
  headersTimeoutMs: milliseconds().default(5_000),
  /** From the same start to the end of the body, which is discarded if the request is answered earlier. */
  requestTimeoutMs: milliseconds().default(10_000),
  /** Longer than the idle timeout of common load balancers (60 s), so that they close idle connections first. */
  keepAliveTimeoutMs: milliseconds().default(75_000),
  /** How long a response may wait for the caller to read it. */
  answerReadTimeoutMs: milliseconds().default(5_000),
  connectionsMax: count.default(10_000),
  /** Per IPv4 address or /64 IPv6 network. A load balancer counts as one address. */
  connectionsPerAddressMax: count.default(1_000),
  headerBytesMax: z.number().int().min(1_024).max(1_048_576).default(16_384),
  headersMax: count.max(1_000).default(100),
  bodyBytesMax: z.number().int().min(1_024).max(1_000_000).default(262_144),
  /** Limits for records that wait for the broker. Above them, callers get a 503 immediately. */
  waitingRecordsMax: count.default(20_000),
  waitingBytesMax: z
    .number()
    .int()
    .min(1_024)
    .default(64 * 1024 * 1024),
} as const

/** Limits of one source. */
export const SOURCE_LIMITS = {
  /** About the throughput of one process on two cores. Bursts may be twice as large, for the backlog after an outage. */
  requestsPerSecondMax: z.number().positive().default(5_000),
  /** The providers' bodies reach a depth of about ten. */
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
    problems.push('gateway.headersTimeoutMs: must not be above gateway.requestTimeoutMs, which includes the headers')
  }
  if (gateway.answerDeadlineMs > gateway.requestTimeoutMs) {
    problems.push('gateway.answerDeadlineMs: must not be above gateway.requestTimeoutMs, or slow callers get no answer')
  }
  return problems
}
