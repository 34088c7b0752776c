/**
 * Kafka's murmur2, as the Java client computes it. The implementation of kafkajs uses BigInt and costs more than all other
 * processing of a record; test/stream/partition-of.test.ts compares the two.
 */
export function murmur2(data: Uint8Array): number {
  const length = data.length
  let hash = 0x9747b28c ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word =
      (data[at] as number) |
      ((data[at + 1] as number) << 8) |
      ((data[at + 2] as number) << 16) |
      ((data[at + 3] as number) << 24)
    word = Math.imul(word, 0x5bd1e995)
    word ^= word >>> 24
    hash = Math.imul(hash, 0x5bd1e995) ^ Math.imul(word, 0x5bd1e995)
  }
  const rest = length - at
  if (rest >= 3) hash ^= (data[at + 2] as number) << 16
  if (rest >= 2) hash ^= (data[at + 1] as number) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (data[at] as number), 0x5bd1e995)
  hash = Math.imul(hash ^ (hash >>> 13), 0x5bd1e995)
  return hash ^ (hash >>> 15)
}

/** The partition of a key, as the Java default partitioner chooses it. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

/** Whether a key belongs in a partition. */
export function isOwnPartition(key: Uint8Array, partition: number, partitions: number): boolean {
  return partitionOf(key, partitions) === partition
}
