/**
 * What the laboratory runs as Redis. `single` is Redis and `valkey` is Valkey, each a primary with a replica and a proxy before
 * them; `sentinel` is a primary with a replica behind three Sentinels; `cluster` has three primaries with a replica each.
 */
export const REDIS_KINDS = ['single', 'valkey', 'sentinel', 'cluster'] as const
export type RedisKind = (typeof REDIS_KINDS)[number]

/** The kind that `REDIS` names; `single` if it is not set. Throws if it names no known kind. */
export function redisKindOf({ REDIS: wanted }: NodeJS.ProcessEnv): RedisKind {
  const kind = REDIS_KINDS.find((one) => one === (wanted || 'single'))
  if (kind === undefined) {
    throw new RangeError(`REDIS=${wanted}: must be ${REDIS_KINDS.join(' or ')}, or not set`)
  }
  return kind
}
