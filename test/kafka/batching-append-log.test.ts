import { describe, expect, test } from 'vitest'
import { BatchingAppendLog, type BatchingAppendLogOptions } from '../../src/kafka/batching-append-log.ts'
import { AppendError } from '../../src/stream/append-error.ts'
import { type OutRecord, recordBytes } from '../../src/stream/record.ts'

/** A broker that acknowledges when told to, and keeps what it received. */
class ManualBroker {
  readonly sends: { readonly partition: number; readonly keys: string[]; settle: (error?: Error) => void }[] = []
  inFlightMax = 0
  readonly #inFlight = new Map<number, number>()

  readonly send = (partition: number, records: readonly OutRecord[]): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const inFlight = (this.#inFlight.get(partition) ?? 0) + 1
    this.#inFlight.set(partition, inFlight)
    this.inFlightMax = Math.max(this.inFlightMax, inFlight)
    const settle = (error?: Error): void => {
      this.#inFlight.set(partition, inFlight - 1)
      if (error === undefined) {
        resolve()
      } else {
        reject(error)
      }
    }
    this.sends.push({ partition, keys: records.map((record) => String(record.key)), settle })
    return promise
  }

  /** Acknowledges until nothing more is sent. */
  async acknowledgeAll(): Promise<void> {
    for (let at = 0; at < this.sends.length; at += 1) {
      this.sends[at]?.settle()
      await turn()
    }
  }
}

/** Lets every promise that can settle do so. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function records(...keys: string[]): OutRecord[] {
  return keys.map((key) => ({ key, value: Buffer.from('v') }))
}

const RECORD_BYTES = recordBytes({ key: 'a', value: Buffer.from('v') })

function logOf(broker: ManualBroker, options: Partial<BatchingAppendLogOptions> = {}): BatchingAppendLog {
  return new BatchingAppendLog({
    topic: 'raw',
    partitions: 2,
    send: broker.send,
    waitingRecordsMax: 10_000,
    waitingBytesMax: 10_000_000,
    ...options,
  })
}

/** How an append ended, without an unhandled rejection in between. */
function outcome(promise: Promise<void>): { current: 'pending' | 'fulfilled' | AppendError } {
  const result: { current: 'pending' | 'fulfilled' | AppendError } = { current: 'pending' }
  promise.then(
    () => {
      result.current = 'fulfilled'
    },
    (error: AppendError) => {
      result.current = error
    },
  )
  return result
}

describe('BatchingAppendLog', () => {
  test('sends a single record at once and fulfils only after the acknowledgement (I1)', async () => {
    const broker = new ManualBroker()
    const append = outcome(logOf(broker).append(0, records('a')))
    expect(broker.sends).toHaveLength(1)
    await turn()
    expect(append.current).toBe('pending')
    broker.sends[0]?.settle()
    await turn()
    expect(append.current).toBe('fulfilled')
  })

  test('combines the records appended while a send was in flight into one batch, in order', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker)
    const appends = ['a', 'b', 'c', 'd'].map((key) => log.append(0, records(key)))
    await broker.acknowledgeAll()
    await Promise.all(appends)
    expect(broker.sends.map(({ keys }) => keys)).toEqual([['a'], ['b', 'c', 'd']])
  })

  test('has one send in flight per partition, and partitions do not wait for each other', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker)
    const appends = ['a', 'b', 'c'].flatMap((key) => [log.append(0, records(key)), log.append(1, records(key))])
    expect(broker.sends.map(({ partition }) => partition)).toEqual([0, 1])
    await broker.acknowledgeAll()
    await Promise.all(appends)
    expect(broker.inFlightMax).toBe(1)
  })

  test('limits a send in records and does not split appends (I10)', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker, { batchRecordsMax: 3 })
    const appends = [['0'], ['a', 'b'], ['c', 'd'], ['e'], ['f']].map((keys) => log.append(0, records(...keys)))
    await broker.acknowledgeAll()
    await Promise.all(appends)
    expect(broker.sends.map(({ keys }) => keys.join(''))).toEqual(['0', 'ab', 'cde', 'f'])
  })

  test('limits a send in bytes and does not split appends (I10)', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker, { batchBytesMax: 3 * RECORD_BYTES })
    const appends = [['0'], ['a', 'b'], ['c', 'd'], ['e'], ['f']].map((keys) => log.append(0, records(...keys)))
    await broker.acknowledgeAll()
    await Promise.all(appends)
    expect(broker.sends.map(({ keys }) => keys.join(''))).toEqual(['0', 'ab', 'cde', 'f'])
  })

  test('sends at most 1,000 records and 800 kB by default (I10)', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker)
    const small = Array.from({ length: 1_500 }, (_, n) => log.append(0, records(String(n))))
    const large = Array.from({ length: 3 }, () => log.append(1, [{ key: 'k', value: Buffer.alloc(390_000) }]))
    await broker.acknowledgeAll()
    await Promise.all([...small, ...large])
    expect(broker.sends.filter(({ partition }) => partition === 0).map(({ keys }) => keys.length)).toEqual([
      1, 1_000, 499,
    ])
    expect(broker.sends.filter(({ partition }) => partition === 1).map(({ keys }) => keys.length)).toEqual([1, 2])
  })

  test('splits only an append that is larger than one send, and fulfils after its last part', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker, { batchRecordsMax: 2 })
    const large = outcome(log.append(0, records('a', 'b', 'c', 'd', 'e')))
    const after = outcome(log.append(0, records('f')))
    for (const part of [0, 1]) {
      broker.sends[part]?.settle()
      await turn()
      expect(large.current).toBe('pending')
    }
    broker.sends[2]?.settle()
    await turn()
    expect(large.current).toBe('fulfilled')
    await broker.acknowledgeAll()
    expect(after.current).toBe('fulfilled')
    expect(broker.sends.map(({ keys }) => keys.join(''))).toEqual(['ab', 'cd', 'e', 'f'])
  })

  test('sends a record that exceeds the byte limit of one send on its own', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker, { batchBytesMax: 100 })
    const appends = [
      log.append(0, [{ key: 'x', value: Buffer.alloc(500) }, ...records('y')]),
      log.append(0, records('z')),
    ]
    await broker.acknowledgeAll()
    await Promise.all(appends)
    expect(broker.sends.map(({ keys }) => keys.join(''))).toEqual(['x', 'y', 'z'])
  })

  test('does not send the rest of an append after a part of it failed', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker, { batchRecordsMax: 2 })
    const large = outcome(log.append(0, records('a', 'b', 'c', 'd', 'e')))
    const after = outcome(log.append(0, records('f')))
    broker.sends[0]?.settle()
    await turn()
    broker.sends[1]?.settle(new Error('gone'))
    await turn()
    expect(large.current).toMatchObject({ code: 'APPEND_FAILED' })
    await broker.acknowledgeAll()
    expect(after.current).toBe('fulfilled')
    expect(broker.sends.map(({ keys }) => keys.join(''))).toEqual(['ab', 'cd', 'f'])
    expect(log.waitingRecords).toBe(0)
  })

  test('rejects exactly the appends of a failed send, with the cause, and continues', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker, { batchRecordsMax: 2 })
    const appends = ['a', 'b', 'c', 'd'].map((key) => outcome(log.append(0, records(key))))
    const cause = new Error('not enough replicas')
    broker.sends[0]?.settle()
    await turn()
    broker.sends[1]?.settle(cause)
    await turn()
    broker.sends[2]?.settle()
    await turn()
    expect(appends[0]?.current).toBe('fulfilled')
    expect(appends[1]?.current).toBeInstanceOf(AppendError)
    expect(appends[1]?.current).toMatchObject({ name: 'AppendError', code: 'APPEND_FAILED', retriable: true, cause })
    expect(appends[2]?.current).toBe(appends[1]?.current)
    expect(appends[3]?.current).toBe('fulfilled')
  })

  test('treats a send that throws like one that rejects', async () => {
    const log = new BatchingAppendLog({
      topic: 'raw',
      partitions: 1,
      waitingRecordsMax: 1,
      waitingBytesMax: 1_000,
      send: () => {
        throw new Error('not connected')
      },
    })
    await expect(log.append(0, records('a'))).rejects.toMatchObject({ code: 'APPEND_FAILED' })
    await expect(log.append(0, records('a'))).rejects.toMatchObject({ code: 'APPEND_FAILED' })
  })

  test('counts records being sent as waiting, and rejects at once above the record limit (I10)', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker, { waitingRecordsMax: 3 })
    const accepted = [log.append(0, records('a')), log.append(1, records('b', 'c'))]
    expect(log.waitingRecords).toBe(3)
    await expect(log.append(0, records('d'))).rejects.toMatchObject({ code: 'APPEND_QUEUE_FULL', retriable: true })
    await broker.acknowledgeAll()
    await Promise.all(accepted)
    const again = log.append(0, records('d'))
    await broker.acknowledgeAll()
    await again
  })

  test('rejects at once above the byte limit (I10)', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker, { waitingBytesMax: 2 * RECORD_BYTES })
    const accepted = [log.append(0, records('a')), log.append(0, records('b'))]
    expect(log.waitingBytes).toBe(2 * RECORD_BYTES)
    await expect(log.append(1, records('c'))).rejects.toMatchObject({ code: 'APPEND_QUEUE_FULL' })
    await broker.acknowledgeAll()
    await Promise.all(accepted)
    expect(log.waitingBytes).toBe(0)
  })

  test('rejects an append that can never fit; the error is not retriable', async () => {
    const log = logOf(new ManualBroker(), { waitingRecordsMax: 1 })
    const error = { code: 'APPEND_TOO_LARGE', retriable: false }
    await expect(log.append(0, records('a', 'b'))).rejects.toMatchObject(error)
  })

  test('removes an append that is aborted before its batch is formed, from any position in the queue', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker)
    const aborters = ['b', 'c', 'd'].map((key) => ({ key, aborter: new AbortController() }))
    const first = log.append(0, records('a'))
    for (const dropped of [0, 1, 2]) {
      const appends = aborters.map(({ key, aborter }) => {
        const signal = new AbortController().signal
        return outcome(
          log.append(0, records(key + dropped), { signal: key === 'bcd'[dropped] ? aborter.signal : signal }),
        )
      })
      aborters[dropped]?.aborter.abort()
      await turn()
      expect(appends.map(({ current }) => (current instanceof AppendError ? current.code : current))).toEqual(
        [0, 1, 2].map((n) => (n === dropped ? 'APPEND_ABORTED' : 'pending')),
      )
    }
    expect(log.waitingRecords).toBe(7)
    await broker.acknowledgeAll()
    await first
    expect(broker.sends.map(({ keys }) => keys.join(' '))).toEqual(['a', 'c0 d0 b1 d1 b2 c2'])
    expect(log.waitingRecords).toBe(0)
    expect(log.waitingBytes).toBe(0)
  })

  test('frees space at once when an append is aborted while the broker hangs (I10)', async () => {
    const log = logOf(new ManualBroker(), { waitingRecordsMax: 2 })
    void log.append(0, records('hangs'))
    for (let n = 0; n < 100; n += 1) {
      const aborter = new AbortController()
      const append = outcome(log.append(0, records('x'), { signal: aborter.signal }))
      aborter.abort()
      await turn()
      expect(append.current).toMatchObject({ code: 'APPEND_ABORTED', retriable: true })
    }
    expect(log.waitingRecords).toBe(1)
  })

  test('ignores an abort once the batch is formed: the outcome is the broker’s (I1)', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker)
    const aborter = new AbortController()
    const append = outcome(log.append(0, records('a'), { signal: aborter.signal }))
    aborter.abort()
    await turn()
    expect(append.current).toBe('pending')
    broker.sends[0]?.settle()
    await turn()
    expect(append.current).toBe('fulfilled')
    expect(log.waitingRecords).toBe(0)
  })

  test('rejects an append whose signal is already aborted', async () => {
    const broker = new ManualBroker()
    const signal = AbortSignal.abort()
    await expect(logOf(broker).append(0, records('a'), { signal })).rejects.toMatchObject({ code: 'APPEND_ABORTED' })
    expect(broker.sends).toEqual([])
  })

  test('leaves no listener on a signal that outlives its appends (I10)', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker)
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1
      remove(...args)
    }
    const appends = ['a', 'b', 'c'].map((key) => log.append(0, records(key), { signal }))
    expect(listeners).toBe(2)
    await broker.acknowledgeAll()
    await Promise.all(appends)
    expect(listeners).toBe(0)
  })

  test('fulfils an empty append and rejects a partition that does not exist', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker)
    await log.append(0, [])
    await expect(log.append(2, records('a'))).rejects.toBeInstanceOf(RangeError)
    await expect(log.append(-1, records('a'))).rejects.toBeInstanceOf(RangeError)
    expect(broker.sends).toEqual([])
  })
})

describe('drain', () => {
  test('fulfils at once when nothing is queued', async () => {
    await logOf(new ManualBroker()).drain()
  })

  test('waits until all partitions have settled, including failed ones', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker)
    const appends = [log.append(0, records('a')), log.append(0, records('b')), log.append(1, records('c'))].map(outcome)
    let drained = false
    const drain = log.drain().then(() => {
      drained = true
    })
    broker.sends[0]?.settle()
    broker.sends[1]?.settle(new Error('gone'))
    await turn()
    expect(drained).toBe(false)
    broker.sends[2]?.settle()
    await drain
    expect(appends[1]?.current).toBe('fulfilled')
  })
})

describe('close', () => {
  test('rejects queued appends, lets those being sent settle, and rejects later ones', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker)
    const [sent, waiting] = ['a', 'b'].map((key) => outcome(log.append(0, records(key))))
    log.close()
    await turn()
    expect(sent?.current).toBe('pending')
    expect(waiting?.current).toMatchObject({ code: 'APPEND_CLOSED', retriable: false })
    await expect(log.append(1, records('c'))).rejects.toMatchObject({ code: 'APPEND_CLOSED' })
    broker.sends[0]?.settle()
    await log.drain()
    expect(sent?.current).toBe('fulfilled')
    expect(broker.sends).toHaveLength(1)
  })

  test('lets a partly sent append finish', async () => {
    const broker = new ManualBroker()
    const log = logOf(broker, { batchRecordsMax: 1 })
    const large = outcome(log.append(0, records('a', 'b')))
    log.close()
    await broker.acknowledgeAll()
    expect(large.current).toBe('fulfilled')
    expect(broker.sends).toHaveLength(2)
  })
})
