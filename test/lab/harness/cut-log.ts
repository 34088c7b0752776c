import { readdir, readFile, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { StackInfo } from '../stack/stack.ts'

/**
 * Truncates the log of a partition, as if the broker's disk had lost its newest writes. The broker must be stopped, by a
 * kill so that it recovers the log. Only whole batches are removed.
 *
 * @param end No record at or after this offset is kept.
 * @return The new end of the log.
 */
export async function cutLog(stack: StackInfo, topic: string, partition: number, end: bigint): Promise<bigint> {
  return cutLogIn(await directoryOf(stack, topic, partition), end)
}

/** Like cutLog, for the directory of a partition's log. */
export async function cutLogIn(directory: string, end: bigint): Promise<bigint> {
  const segment = await segmentIn(directory)
  const { bytes, next } = scan(await readFile(segment), end)
  await truncate(segment, bytes)
  for (const file of await readdir(directory)) {
    if (/\.(index|timeindex|txnindex|snapshot)$/.test(file)) {
      await rm(join(directory, file))
    }
  }
  return next
}

/** The offset after the last record of a log, replicated or not. The broker must not run. */
export async function logEndIn(directory: string): Promise<bigint> {
  return scan(await readFile(await segmentIn(directory)), null).next
}

async function segmentIn(directory: string): Promise<string> {
  const [segment, ...others] = (await readdir(directory)).filter((file) => file.endsWith('.log')).toSorted()
  if (segment === undefined || others.length > 0) {
    throw new Error(`${directory} does not have exactly one segment`)
  }
  return join(directory, segment)
}

/** The size of the whole batches in front of an offset (null: of all), and the offset after them. */
function scan(log: Buffer, end: bigint | null): { readonly bytes: number; readonly next: bigint } {
  let bytes = 0
  let next = 0n
  while (bytes + BATCH_HEAD_BYTES <= log.length) {
    // Record batch v2: offset of the first record, length of the rest, and the distance to the last offset.
    const last = log.readBigInt64BE(bytes) + BigInt(log.readInt32BE(bytes + 23))
    const after = bytes + 12 + log.readInt32BE(bytes + 8)
    // A kill may leave half a batch at the end.
    if ((end !== null && last >= end) || after > log.length) {
      break
    }
    next = last + 1n
    bytes = after
  }
  return { bytes, next }
}

const BATCH_HEAD_BYTES = 61

async function directoryOf(stack: StackInfo, topic: string, partition: number): Promise<string> {
  for (const server of await readdir(stack.directory)) {
    const data = join(stack.directory, server, 'data')
    if ((await readdir(data).catch(() => [] as string[])).includes(`${topic}-${partition}`)) {
      return join(data, `${topic}-${partition}`)
    }
  }
  throw new Error(`no broker of this stack stores ${topic}[${partition}]`)
}
