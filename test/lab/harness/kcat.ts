import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { ensureCommand } from '../stack/system-package.ts'

/** A record as kcat read it, byte for byte. */
export interface KcatRecord {
  readonly partition: number
  readonly offset: number
  readonly headers: Readonly<Record<string, string>>
  readonly key: Buffer
  readonly value: Buffer
}

/** kcat uses librdkafka, a client that shares no code with the product. */
export class Kcat {
  readonly #brokers: string

  private constructor(brokers: string) {
    this.#brokers = brokers
  }

  static async create(brokers: readonly string[]): Promise<Kcat> {
    await ensureCommand('kcat', 'kcat', () => {})
    return new Kcat(brokers.join(','))
  }

  /** Reads a topic from its beginning to its end, read_committed. */
  async consume(topic: string): Promise<readonly KcatRecord[]> {
    const lengths = '%p %o %K %S\\n%h\\n%k%s'
    const args = ['-b', this.#brokers, '-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', lengths]
    const { stdout } = await promisify(execFile)('kcat', [...args, '-X', 'isolation.level=read_committed'], {
      encoding: 'buffer',
      maxBuffer: 64 << 20,
      timeout: 30_000,
    })
    return [...recordsIn(stdout)]
  }

  /** Produces with the partitioner of the Java client. */
  async produce(topic: string, key: string, value: string): Promise<void> {
    const murmur2 = ['-X', 'topic.partitioner=murmur2_random']
    const child = spawn('kcat', ['-b', this.#brokers, '-P', '-t', topic, '-k', key, ...murmur2], {
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    const ended = once(child, 'close')
    child.stdin.end(value)
    const [code] = await ended
    if (code !== 0) {
      throw new Error(`kcat ended with ${code}`)
    }
  }
}

function* recordsIn(output: Buffer): Iterable<KcatRecord> {
  for (let at = 0; at < output.length; ) {
    const endOfLengths = output.indexOf('\n', at)
    const endOfHeaders = output.indexOf('\n', endOfLengths + 1)
    const [partition = 0, offset = 0, keyBytes = 0, valueBytes = 0] = output
      .toString('latin1', at, endOfLengths)
      .split(' ')
      .map(Number)
    const headers = output.toString('utf8', endOfLengths + 1, endOfHeaders)
    const value = endOfHeaders + 1 + Math.max(0, keyBytes)
    at = value + Math.max(0, valueBytes)
    yield {
      partition,
      offset,
      headers: Object.fromEntries(headers.split(',').flatMap(toHeader)),
      key: output.subarray(endOfHeaders + 1, value),
      value: output.subarray(value, at),
    }
  }
}

function toHeader(text: string): (readonly [string, string])[] {
  const equals = text.indexOf('=')
  return equals < 0 ? [] : [[text.slice(0, equals), text.slice(equals + 1)]]
}
