/** What the message of a defined stop tells an operator to run, with all processes of the group stopped. */
export interface OffsetReset {
  readonly group: string
  readonly topic: string
  /** Undefined: every partition. */
  readonly partition: number | undefined
  /** An offset, or a word of kafka-consumer-groups.sh. */
  readonly to: bigint | 'earliest' | 'current'
}

/** The reset that a process's output names; undefined if starting again is enough. Pure. */
export function remedyIn(output: string): OffsetReset | undefined {
  const found = /--group (\S+) --topic (\S+?)(?::(\d+))? --reset-offsets --to-(?:(earliest|current)|offset (\d+))/.exec(
    output,
  )
  if (found === null) {
    return undefined
  }
  const [, group = '', topic = '', partition, word, offset = ''] = found
  return {
    group,
    topic,
    partition: partition === undefined ? undefined : Number(partition),
    to: word === undefined ? BigInt(offset) : (word as 'earliest' | 'current'),
  }
}
