import { readdir, readFile, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { StackInfo } from '../stack/stack.ts'

/**
 * Cuts the end off the log of a partition, as a broker that lost its disk's newest writes would have it. The broker must
 * not run, and must have been killed, so that it recovers the log. Only whole batches can go.
 *
 * @param end No record at or after this is kept.
 * @return Where the log ends now.
 */
export async function cutLog(stack: StackInfo, topic: string, partition: number, end: bigint): Promise<bigint> {
  return cutLogIn(await directoryOf(stack, topic, partition), end)
}

/** Like cutLog, of the directory of a partition's log. */
export async function cutLogIn(directory: string, end: bigint): Promise<bigint> {
  const [segment, ...others] = (await readdir(directory)).filter((file) => file.endsWith('.log')).toSorted()
  if (segment === undefined || others.length > 0) {
    throw new Error(`${directory} has not one segment`)
  }
  const bytes = await readFile(join(directory, segment))
  let at = 0
  let next = 0n
  // Offset of the first record, length of what follows; the last offset is a difference to the first (record batch v2).
  while (at + 61 <= bytes.length) {
    const first = bytes.readBigInt64BE(at)
    const last = first + BigInt(bytes.readInt32BE(at + 23))
    if (last >= end) {
      break
    }
    next = last + 1n
    at += 12 + bytes.readInt32BE(at + 8)
  }
  await truncate(join(directory, segment), at)
  for (const file of await readdir(directory)) {
    if (/\.(index|timeindex|txnindex|snapshot)$/.test(file)) {
      await rm(join(directory, file))
    }
  }
  return next
}

async function directoryOf(stack: StackInfo, topic: string, partition: number): Promise<string> {
  for (const server of await readdir(stack.directory)) {
    const data = join(stack.directory, server, 'data')
    if ((await readdir(data).catch(() => [] as string[])).includes(`${topic}-${partition}`)) {
      return join(data, `${topic}-${partition}`)
    }
  }
  throw new Error(`no broker of this stack has ${topic}[${partition}]`)
}
