import { randomBytes } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { BodyOpener } from '../../src/encryption/body-opener.ts'
import { bodyBinding, decrypt, encrypt } from '../../src/encryption/cipher.ts'
import { dataKeyId, dayScope, partsOfDataKeyId, paymentScope } from '../../src/encryption/data-key-id.ts'
import { DataKeys, keyPartition } from '../../src/encryption/data-keys.ts'
import { ForgottenKeys, NOTES_PARTITION } from '../../src/encryption/forgotten-keys.ts'
import { KeyEncryptionKeys } from '../../src/encryption/key-encryption-keys.ts'
import { SealingAppendLog } from '../../src/encryption/sealing-append-log.ts'
import { RAW_HEADERS } from '../../src/raw/raw-headers.ts'
import type { AppendOptions } from '../../src/stream/append-log.ts'
import { headerText } from '../../src/stream/header-text.ts'
import type { InRecord, OutRecord } from '../../src/stream/record.ts'
import { topicNames } from '../../src/topics.ts'
import { MemoryKafka } from '../lab/harness/memory-kafka.ts'

const TOPICS = topicNames('')
const PARTITIONS = 3
const BODY = Buffer.from('{"accountNumber":"000123456789"}')
const T0 = Date.UTC(2026, 5, 1, 12)

/** Gateways and readers on one in-memory Kafka; the clock moves only when told to. */
class World {
  readonly kafka = new MemoryKafka()
  now = T0
  kek = new Map([['kek-1', randomBytes(32)]])
  /** Makes appends to `payments.keys` fail. */
  keysFail = false

  gateway(changes: { active?: string; dataKeyPer?: 'payment' | 'source-and-day'; keysMax?: number } = {}) {
    const log = (topic: string) => ({
      topic,
      partitions: PARTITIONS,
      waitingRecords: 0,
      waitingBytes: 0,
      drain: async () => {},
      append: async (partition: number, records: readonly OutRecord[], options?: AppendOptions) => {
        options?.signal?.throwIfAborted()
        if (topic === TOPICS.keys && this.keysFail) {
          throw new Error('the brokers are away')
        }
        for (const record of records) {
          this.kafka.produce(topic, partition, record)
        }
      },
    })
    const dataKeys = new DataKeys({
      keks: new KeyEncryptionKeys(this.kek, changes.active ?? 'kek-1'),
      log: log(TOPICS.keys),
      notes: new ForgottenKeys(this.kafka.reader, TOPICS.forgottenKeys, () => this.now),
      now: () => this.now,
      newUuid: () => uuidv7({ msecs: this.now }),
      ...(changes.keysMax !== undefined && { keysMax: changes.keysMax }),
    })
    return new SealingAppendLog({
      raw: log(TOPICS.raw),
      dataKeys,
      dataKeyPer: changes.dataKeyPer ?? 'payment',
      waitingRecordsMax: 10,
      waitingBytesMax: 10_000,
      now: () => this.now,
    })
  }

  opener(changes: { kek?: Map<string, Buffer>; onWaiting?: () => void; keysMax?: number; rawTopic?: string } = {}) {
    return new BodyOpener({
      keks: new KeyEncryptionKeys(changes.kek ?? this.kek, null),
      reader: { ...this.kafka.reader, offsetAt: async () => 0n },
      keysTopic: TOPICS.keys,
      partitions: PARTITIONS,
      notes: new ForgottenKeys(this.kafka.reader, TOPICS.forgottenKeys, () => this.now),
      rawTopic: changes.rawTopic ?? TOPICS.raw,
      now: () => this.now,
      sleep: async (ms) => {
        this.now += ms
        changes.onWaiting?.()
      },
      ...(changes.keysMax !== undefined && { keysMax: changes.keysMax }),
    })
  }

  get raw(): readonly InRecord[] {
    return this.kafka.records(TOPICS.raw, 0)
  }

  get keys(): readonly InRecord[] {
    return [0, 1, 2].flatMap((partition) => this.kafka.records(TOPICS.keys, partition))
  }

  note(id: string, note: 'retired' | 'forgotten'): void {
    this.kafka.produce(TOPICS.forgottenKeys, NOTES_PARTITION, { key: id, value: Buffer.from(note) })
  }
}

function record(key = 'ns:1', value = BODY): OutRecord {
  return { key, value, headers: { [RAW_HEADERS.source]: 'jpm' } }
}

function dataKeyOf(of: InRecord | undefined): string {
  return of === undefined ? '' : headerText(of, RAW_HEADERS.dataKey)
}

describe('the cipher', () => {
  const key = randomBytes(32)
  const binding = bodyBinding('topic', Buffer.from('key'))
  const sealed = encrypt(key, binding, BODY)

  test('restores its input, and never gives the same output twice', () => {
    expect(decrypt(key, binding, sealed)).toEqual(BODY)
    expect(encrypt(key, binding, BODY)).not.toEqual(sealed)
    expect(decrypt(key, binding, encrypt(key, binding, Buffer.alloc(0)))).toEqual(Buffer.alloc(0))
  })

  test('opens nothing that was altered, truncated, or moved to another topic or key', () => {
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed)
      changed[at] = (changed[at] as number) ^ 1
      expect(decrypt(key, binding, changed)).toBeNull()
    }
    expect(decrypt(key, binding, sealed.subarray(0, 20))).toBeNull()
    expect(decrypt(key, bodyBinding('topic2', Buffer.from('key')), sealed)).toBeNull()
    expect(decrypt(key, bodyBinding('topic', Buffer.from('key2')), sealed)).toBeNull()
    expect(decrypt(randomBytes(32), binding, sealed)).toBeNull()
  })
})

test('the name of a data key gives its scope and when it was made', () => {
  for (const scope of [paymentScope('ns:1'), dayScope('jpm-v2', T0)]) {
    expect(partsOfDataKeyId(dataKeyId(scope, uuidv7({ msecs: T0 })))).toEqual({ scope, madeAt: T0 })
  }
  for (const wrong of ['', 'p.x', `${paymentScope('ns:1')}.no-uuid`, `p.../../x.${uuidv7()}`]) {
    expect(partsOfDataKeyId(wrong)).toBeNull()
  }
  expect(paymentScope('ns:1')).not.toBe(paymentScope('ns:2'))
})

describe('a gateway', () => {
  test('writes no plain body; what it wrote is decrypted byte for byte (I1)', async () => {
    const world = new World()
    const gateway = world.gateway()
    await gateway.append(0, [record('ns:1'), record('a digest')])
    expect(world.raw.map(({ value }) => value?.includes('000123456789'))).toEqual([false, false])
    expect(world.raw.map((of) => headerText(of, RAW_HEADERS.source))).toEqual(['jpm', 'jpm'])
    const opened = await world.opener().open(world.raw)
    expect(opened.map((of) => (typeof of === 'string' ? of : of.value))).toEqual([BODY, BODY])
  })

  test('has the wrapped key in its topic before the record, and no record if that fails', async () => {
    const world = new World()
    const gateway = world.gateway()
    world.keysFail = true
    await expect(gateway.append(0, [record()])).rejects.toThrow('the brokers are away')
    expect(world.raw).toEqual([])
    world.keysFail = false
    await gateway.append(0, [record()])
    expect(world.keys.map(({ key }) => String(key))).toEqual([dataKeyOf(world.raw[0])])
    expect(gateway.waitingRecords).toBe(0)
  })

  test('uses one key for a payment, even for concurrent callbacks; a second gateway has its own', async () => {
    const world = new World()
    const gateway = world.gateway()
    await Promise.all([gateway.append(0, [record()]), gateway.append(0, [record()])])
    await gateway.append(0, [record()])
    await world.gateway().append(0, [record()])
    expect(new Set(world.raw.map(dataKeyOf)).size).toBe(2)
    const scope = paymentScope('ns:1')
    const partition = keyPartition(scope, PARTITIONS)
    expect(world.kafka.records(TOPICS.keys, partition).map(({ key }) => String(key).startsWith(`${scope}.`))).toEqual([
      true,
      true,
    ])
  })

  test('uses a key per source and day for bodies that name no payment, or for all if so configured', async () => {
    const world = new World()
    await world.gateway().append(0, [record('ns:1'), record('digest')])
    await world.gateway({ dataKeyPer: 'source-and-day' }).append(0, [record('ns:1'), record('ns:2')])
    const scopes = world.raw.map((of) => partsOfDataKeyId(dataKeyOf(of))?.scope)
    expect(scopes).toEqual([paymentScope('ns:1'), ...Array(3).fill('d.jpm.2026-06-01')])
  })

  test('makes a new key after a day, and when its key cache is full (I10)', async () => {
    const world = new World()
    const gateway = world.gateway({ keysMax: 2 })
    await gateway.append(0, [record('ns:1')])
    world.now += 86_400_000
    await gateway.append(0, [record('ns:1')])
    await gateway.append(0, [record('ns:2')])
    await gateway.append(0, [record('ns:3')])
    await gateway.append(0, [record('ns:1')])
    const ids = world.raw.map(dataKeyOf)
    expect(new Set(ids).size).toBe(5)
  })

  test('never encrypts with a retired key, and not at all without knowing the retired keys', async () => {
    const world = new World()
    const gateway = world.gateway()
    await gateway.append(0, [record()])
    world.note(dataKeyOf(world.raw[0]), 'retired')
    world.now += 4_001
    await gateway.append(0, [record()])
    expect(dataKeyOf(world.raw[1])).not.toBe(dataKeyOf(world.raw[0]))
    world.now += 4_001
    world.kafka.onStep = () => {
      throw new Error('the brokers are away')
    }
    await expect(gateway.append(0, [record()])).rejects.toThrow('the brokers are away')
  })

  test('releases a caller at its deadline, and refuses what exceeds its limits (I10)', async () => {
    const world = new World()
    const gateway = world.gateway()
    await expect(gateway.append(0, [record()], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'APPEND_ABORTED',
    })
    await expect(gateway.append(0, [record('ns:1', Buffer.alloc(10_001))])).rejects.toMatchObject({
      code: 'APPEND_QUEUE_FULL',
    })
    expect([world.raw.length, gateway.waitingRecords, gateway.waitingBytes]).toEqual([0, 0, 0])
  })
})

describe('a reader', () => {
  test('leaves unencrypted bodies as they are, without reading keys', async () => {
    const world = new World()
    world.kafka.onStep = () => {
      throw new Error('must not be read')
    }
    world.kafka.produce(TOPICS.raw, 0, record())
    const { raw } = world
    expect(await world.opener().open(raw)).toBe(raw)
  })

  test('finds keys again after evicting them (I10)', async () => {
    const world = new World()
    const gateway = world.gateway()
    await gateway.append(0, [record('ns:1'), record('ns:2'), record('ns:3'), record('ns:4')])
    const opener = world.opener({ keysMax: 1 })
    for (let round = 0; round < 2; round += 1) {
      expect((await opener.open(world.raw)).every((of) => typeof of !== 'string')).toBe(true)
    }
  })

  test('opens data keys that older key-encryption keys wrapped (rotation)', async () => {
    const world = new World()
    await world.gateway().append(0, [record()])
    world.kek = new Map([...world.kek, ['kek-2', randomBytes(32)]])
    await world.gateway({ active: 'kek-2' }).append(0, [record()])
    expect(world.keys.map((of) => headerText(of, 'paystatus_kek'))).toEqual(['kek-1', 'kek-2'])
    expect((await world.opener().open(world.raw)).map((of) => typeof of)).toEqual(['object', 'object'])
  })

  test.each([
    ['KEK_UNKNOWN', new Map<string, Buffer>()],
    ['KEK_WRONG', new Map([['kek-1', randomBytes(32)]])],
  ])('stops with %s, naming the key, and says what to do', async (code, kek) => {
    const world = new World()
    await world.gateway().append(0, [record()])
    const stopped = world.opener({ kek }).open(world.raw)
    await expect(stopped).rejects.toMatchObject({ name: 'DefinedStop', code })
    await expect(stopped).rejects.toThrow(/"kek-1".*encryption\.keys.*Nothing was skipped/)
  })

  test('waits for a key that has not arrived yet', async () => {
    const world = new World()
    await world.gateway().append(0, [record()])
    const [encrypted] = world.raw
    const late = new World()
    late.kek = world.kek
    let waits = 0
    const opener = late.opener({
      onWaiting: () => {
        waits += 1
        if (waits === 3) {
          const [key] = world.keys
          const scope = partsOfDataKeyId(String(key?.key))?.scope ?? ''
          late.kafka.produce(TOPICS.keys, keyPartition(scope, PARTITIONS), key as unknown as OutRecord)
        }
      },
    })
    expect(await opener.open([encrypted as InRecord])).toMatchObject([{ value: BODY }])
    expect(waits).toBe(3)
  })

  test('stops when a key does not arrive: it was lost, not forgotten', async () => {
    const world = new World()
    await world.gateway().append(0, [record()])
    const lost = new World()
    await expect(lost.opener().open(world.raw)).rejects.toMatchObject({ code: 'DATA_KEY_MISSING' })
  })

  test('reads nothing under a forgotten key, known or not, compacted away or not; a retired one opens', async () => {
    const world = new World()
    await world.gateway().append(0, [record()])
    const opener = world.opener()
    const id = dataKeyOf(world.raw[0])
    world.note(id, 'retired')
    expect(await opener.open(world.raw)).toMatchObject([{ value: BODY }])
    world.note(id, 'forgotten')
    world.note(id, 'retired')
    world.now += 1_001
    expect(await opener.open(world.raw)).toEqual(['forgotten'])
    const compacted = new World()
    compacted.note(id, 'forgotten')
    expect(await compacted.opener().open(world.raw)).toEqual(['forgotten'])
  })

  test('treats a tombstone as forgetting', async () => {
    const world = new World()
    await world.gateway().append(0, [record()])
    const id = dataKeyOf(world.raw[0])
    const partition = keyPartition(partsOfDataKeyId(id)?.scope ?? '', PARTITIONS)
    world.kafka.produce(TOPICS.keys, partition, { key: id, value: null })
    expect(await world.opener().open(world.raw)).toEqual(['forgotten'])
  })

  test('recognizes tampering', async () => {
    const world = new World()
    await world.gateway().append(0, [record('ns:1'), record('ns:1')])
    const [one, other] = world.raw as [InRecord, InRecord]
    const noName = { ...one.headers, [RAW_HEADERS.dataKey]: 'x' }
    const opened = await world
      .opener()
      .open([{ ...one, key: Buffer.from('ns:2') }, { ...one, headers: noName }, { ...one, value: null }, other])
    expect(opened.map((of) => (typeof of === 'string' ? of : of.value))).toEqual([
      'undecryptable',
      'undecryptable',
      'undecryptable',
      BODY,
    ])
    expect(await world.opener({ rawTopic: 'elsewhere' }).open([other])).toEqual(['undecryptable'])
  })
})
