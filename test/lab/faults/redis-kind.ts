import type { ServerSpec } from '../stack/server.ts'
import { redisSpec } from '../stack/specs.ts'
import { valkeySpec } from '../stack/valkey.ts'

/** What the laboratory runs as Redis: `single` is Redis, `valkey` is Valkey; each is a primary with a replica. */
const KINDS = ['single', 'valkey'] as const
export type RedisKind = (typeof KINDS)[number]

/** What `REDIS` says; `single` without it. Throws when it names no kind. */
export function redisKindOf({ REDIS: wanted }: NodeJS.ProcessEnv): RedisKind {
  const kind = KINDS.find((one) => one === (wanted || 'single'))
  if (kind === undefined) {
    throw new RangeError(`REDIS=${wanted}: must be ${KINDS.join(' or ')}, or not set`)
  }
  return kind
}

export async function serverSpecOf(kind: RedisKind, report: (line: string) => void): Promise<ServerSpec> {
  return kind === 'valkey' ? valkeySpec(report) : redisSpec
}
