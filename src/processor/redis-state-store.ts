import type { RedisClient } from '../redis/redis-client.ts'
import type { StateStore, StateWrite, ViewRead, WriteResult } from './state-store.ts'

/** No payment key can be equal to it: those begin with a namespace of letters, digits and dashes. */
const MARKER_FIELD = '#marker'
const SCAN_COUNT = 500

/**
 * Compare the marker, then change everything at once. A marker that already is the new one means that the answer to an
 * earlier try was lost. Redis refuses the whole script for lack of memory before its first write, never in the middle.
 *
 * KEYS: view, due, refs. ARGV: expected marker ('' for none), next marker, reset flag, then per state its key, bytes
 * ('' to forget), due time and customer reference ('' for none).
 */
const WRITE_VIEW = `
local marker = redis.call('HGET', KEYS[1], '${MARKER_FIELD}') or ''
if marker == ARGV[2] then return 1 end
if marker ~= ARGV[1] then return 0 end
if ARGV[3] == '1' then redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3]) end
for i = 4, #ARGV, 4 do
  local key = ARGV[i]
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[1], key)
    redis.call('ZREM', KEYS[2], key)
    if ARGV[i + 3] ~= '' then redis.call('ZREM', KEYS[3], ARGV[i + 3] .. '\\0' .. key) end
  else
    redis.call('HSET', KEYS[1], key, ARGV[i + 1])
    redis.call('ZADD', KEYS[2], ARGV[i + 2], key)
    if ARGV[i + 3] ~= '' then redis.call('ZADD', KEYS[3], 0, ARGV[i + 3] .. '\\0' .. key) end
  end
end
redis.call('HSET', KEYS[1], '${MARKER_FIELD}', ARGV[2])
return 1
`

/**
 * The view in Redis: three keys a partition, all in one hash slot, so that one script is atomic on a cluster too.
 *
 * One hash holds the marker and the states: one HMGET reads both at one moment, and emptying the view is one UNLINK
 * whatever its size.
 */
export class RedisStateStore implements StateStore {
  readonly #redis: RedisClient
  readonly #prefix: string

  /** `environment` and `group` keep installations on one Redis apart. */
  constructor(redis: RedisClient, environment: string, group: string) {
    this.#redis = redis
    this.#prefix = `${environment}.${group}`
  }

  async read(partition: number, paymentKeys: readonly string[]): Promise<ViewRead> {
    const [view] = this.#keys(partition)
    const [marker, ...states] = await this.#redis.run((redis) => redis.hmgetBuffer(view, MARKER_FIELD, ...paymentKeys))
    return { marker: marker?.toString() ?? null, states }
  }

  write(partition: number, expected: string | null, next: string, writes: readonly StateWrite[]): Promise<WriteResult> {
    return this.#write(partition, expected, next, '0', writes)
  }

  reset(partition: number, expected: string | null, next: string): Promise<WriteResult> {
    return this.#write(partition, expected, next, '1', [])
  }

  async due(partition: number, now: number, limit: number): Promise<readonly string[]> {
    const [, due] = this.#keys(partition)
    return this.#redis.run((redis) => redis.zrangebyscore(due, '-inf', now, 'LIMIT', 0, limit))
  }

  async findByEndToEndId(partition: number, endToEndId: string): Promise<readonly string[]> {
    const [, , refs] = this.#keys(partition)
    const members = await this.#redis.run((redis) => redis.zrangebylex(refs, `[${endToEndId}\0`, `(${endToEndId}\x01`))
    return members.map((member) => member.slice(endToEndId.length + 1))
  }

  async *scan(partition: number): AsyncIterable<readonly [string, Buffer]> {
    const [view] = this.#keys(partition)
    let cursor = '0'
    do {
      const [next, fields] = await this.#redis.run((redis) => redis.hscanBuffer(view, cursor, 'COUNT', SCAN_COUNT))
      for (let i = 0; i + 1 < fields.length; i += 2) {
        const key = String(fields[i])
        if (key !== MARKER_FIELD) {
          yield [key, fields[i + 1] as Buffer]
        }
      }
      cursor = next.toString()
    } while (cursor !== '0')
  }

  async #write(
    partition: number,
    expected: string | null,
    next: string,
    reset: '0' | '1',
    writes: readonly StateWrite[],
  ): Promise<WriteResult> {
    const args: (string | Buffer)[] = [expected ?? '', next, reset]
    for (const { paymentKey, state, dueAt, endToEndId } of writes) {
      args.push(paymentKey, state ?? '', String(dueAt), endToEndId ?? '')
    }
    const answer = await this.#redis.script(WRITE_VIEW, this.#keys(partition), args)
    return answer === 1 ? 'applied' : 'refused'
  }

  #keys(partition: number): [view: string, due: string, refs: string] {
    const slot = `{${this.#prefix}.p${partition}}`
    return [`${slot}:view`, `${slot}:due`, `${slot}:refs`]
  }
}
