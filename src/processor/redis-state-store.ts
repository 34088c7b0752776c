import type { RedisClient } from '../redis/redis-client.ts'
import {
  READ_WITH_SIZES_MAX,
  type StateStore,
  type StateWrite,
  type ViewRead,
  type ViewSizes,
  type WriteResult,
} from './state-store.ts'

/** Never equal to a payment key: those begin with a namespace of letters, digits and dashes. */
const MARKER_FIELD = '#marker'
/** Prefix of the field with a payment's customer reference, so that it can be removed when only the key is known. */
const REFERENCE_FIELD = '#ref '
const SCAN_COUNT = 500

/**
 * Compares the marker, then changes everything atomically. If the marker already is the new one, the reply to an earlier
 * attempt was lost. When out of memory, Redis refuses the script before its first write, never halfway through.
 *
 * A command in a script costs more than the field it writes, so states and due times are written many at a time.
 *
 * KEYS: view, due, refs. ARGV: expected marker ('' for none), next marker, reset flag, number of states, number of
 * references; then key and bytes of each state; due time and key of each state; key and customer reference ('' for none) of
 * each payment whose reference may have changed; and the keys of payments to remove.
 */
const WRITE_VIEW = `
local marker = redis.call('HGET', KEYS[1], '${MARKER_FIELD}') or ''
if marker == ARGV[2] then return 1 end
if marker ~= ARGV[1] then return 0 end
if ARGV[3] == '1' then redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3]) end
local states = 6
local dues = states + 2 * tonumber(ARGV[4])
local references = dues + 2 * tonumber(ARGV[4])
local removals = references + 2 * tonumber(ARGV[5])
local function many(command, key, from, to)
  for i = from, to - 1, 1000 do redis.call(command, key, unpack(ARGV, i, math.min(i + 999, to - 1))) end
end
local function refer(key, reference)
  local field = '${REFERENCE_FIELD}' .. key
  local former = redis.call('HGET', KEYS[1], field) or ''
  if former == reference then return end
  if former ~= '' then redis.call('ZREM', KEYS[3], former .. '\\0' .. key) end
  if reference == '' then
    redis.call('HDEL', KEYS[1], field)
  else
    redis.call('HSET', KEYS[1], field, reference)
    redis.call('ZADD', KEYS[3], 0, reference .. '\\0' .. key)
  end
end
many('HSET', KEYS[1], states, dues)
many('ZADD', KEYS[2], dues, references)
for i = references, removals - 1, 2 do refer(ARGV[i], ARGV[i + 1]) end
for i = removals, #ARGV do
  refer(ARGV[i], '')
  redis.call('HDEL', KEYS[1], ARGV[i])
  redis.call('ZREM', KEYS[2], ARGV[i])
end
redis.call('HSET', KEYS[1], '${MARKER_FIELD}', ARGV[2])
return 1
`

/**
 * KEYS: view. ARGV: limit, bytes; payment keys. Returns the size of each state, followed by the marker and the states if these
 * are within the limit. Redis knows each size without reading the value.
 */
const SIZES = `
local sizes, total = {}, 0
for i = 2, #ARGV do
  sizes[i - 1] = redis.call('HSTRLEN', KEYS[1], ARGV[i])
  total = total + sizes[i - 1]
end
if total > tonumber(ARGV[1]) or #sizes > ${READ_WITH_SIZES_MAX} then return {sizes} end
return {sizes, redis.call('HMGET', KEYS[1], '${MARKER_FIELD}', unpack(ARGV, 2))}
`

/**
 * The view in Redis: three keys per partition, all in one hash slot, so that one script is atomic on a cluster too.
 *
 * One hash holds the marker, the states and the references, so one HMGET reads marker and states atomically, and one
 * UNLINK empties the view whatever its size. The hash has one field for the marker, one per due time and one per index
 * entry of a reference. Any other count means that a key was lost (`isWhole`).
 */
export class RedisStateStore implements StateStore {
  readonly #redis: RedisClient
  readonly #prefix: string

  /** `environment` and `group` separate installations that share one Redis. */
  constructor(redis: RedisClient, environment: string, group: string) {
    this.#redis = redis
    this.#prefix = `${environment}.${group}`
  }

  async read(partition: number, paymentKeys: readonly string[]): Promise<ViewRead> {
    const [view] = this.#keys(partition)
    return toViewRead(await this.#redis.run((redis) => redis.hmgetBuffer(view, MARKER_FIELD, ...paymentKeys)))
  }

  async sizes(partition: number, paymentKeys: readonly string[], readBytesMax: number): Promise<ViewSizes> {
    const [view] = this.#keys(partition)
    const answer = await this.#redis.script(SIZES, [view], [String(readBytesMax), ...paymentKeys])
    const [sizes, fields] = answer as [number[], (Buffer | null)[] | undefined]
    return { sizes, read: fields === undefined ? null : toViewRead(fields) }
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

  async isWhole(partition: number): Promise<boolean> {
    const [view, due, refs] = this.#keys(partition)
    const [fields, dueTimes, references] = await this.#redis.run((redis) =>
      Promise.all([redis.hlen(view), redis.zcard(due), redis.zcard(refs)]),
    )
    return Math.max(0, fields - 1) === dueTimes + references
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
        if (!key.startsWith('#')) {
          yield [key, fields[i + 1] as Buffer]
        }
      }
      cursor = next.toString()
    } while (cursor !== '0')
  }

  async *scanDue(partition: number): AsyncIterable<readonly [string, number]> {
    const [, due] = this.#keys(partition)
    for await (const [paymentKey, dueAt] of this.#members(due)) {
      yield [paymentKey, Number(dueAt)]
    }
  }

  async dueTimes(partition: number, paymentKeys: readonly string[]): Promise<readonly (number | null)[]> {
    const [, due] = this.#keys(partition)
    const scores = paymentKeys.length === 0 ? [] : await this.#redis.run((redis) => redis.zmscore(due, ...paymentKeys))
    return scores.map((score) => (score === null ? null : Number(score)))
  }

  async *scanReferences(partition: number): AsyncIterable<readonly [string, string]> {
    const [, , refs] = this.#keys(partition)
    for await (const [member] of this.#members(refs)) {
      // A reference may contain the separator; a key never does.
      const at = member.lastIndexOf('\0')
      yield [member.slice(0, at), member.slice(at + 1)]
    }
  }

  /** Members of a sorted set with their scores. One may appear twice; one added meanwhile may be missing. */
  async *#members(key: string): AsyncIterable<readonly [member: string, score: string]> {
    let cursor = '0'
    do {
      const [next, found] = await this.#redis.run((redis) => redis.zscan(key, cursor, 'COUNT', SCAN_COUNT))
      for (let i = 0; i + 1 < found.length; i += 2) {
        yield [found[i] as string, found[i + 1] as string]
      }
      cursor = next
    } while (cursor !== '0')
  }

  async #write(
    partition: number,
    expected: string | null,
    next: string,
    reset: '0' | '1',
    writes: readonly StateWrite[],
  ): Promise<WriteResult> {
    const states: (string | Buffer)[] = []
    const dues: string[] = []
    const references: string[] = []
    const removals: string[] = []
    for (const { paymentKey, state, dueAt, endToEndId, referenceStays } of writes) {
      if (state === null) {
        removals.push(paymentKey)
        continue
      }
      states.push(paymentKey, state)
      dues.push(String(dueAt), paymentKey)
      if (!referenceStays) {
        references.push(paymentKey, endToEndId ?? '')
      }
    }
    const counts = [String(states.length / 2), String(references.length / 2)]
    const args = [expected ?? '', next, reset, ...counts, ...states, ...dues, ...references, ...removals]
    const answer = await this.#redis.script(WRITE_VIEW, this.#keys(partition), args)
    return answer === 1 ? 'applied' : 'refused'
  }

  #keys(partition: number): [view: string, due: string, refs: string] {
    const slot = `{${this.#prefix}.p${partition}}`
    return [`${slot}:view`, `${slot}:due`, `${slot}:refs`]
  }
}

function toViewRead([marker, ...states]: readonly (Buffer | null)[]): ViewRead {
  return { marker: marker?.toString() ?? null, states }
}
