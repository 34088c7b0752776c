/** What the comparison measures; `label` is the row's name in the table. */
const TWO = [['normalizer'], ['processor']] as const

export const PARTS = [
  { name: 'ours-one', label: 'paystatus, one process', kind: 'ours', roles: [['normalizer', 'processor']] },
  { name: 'ours-two', label: 'paystatus, two processes', kind: 'ours', roles: TWO },
  {
    name: 'ours-two-zstd',
    label: 'paystatus, two processes, status topics compressed',
    kind: 'ours',
    roles: TWO,
    compressed: true,
  },
  { name: 'ours-two-warm', label: 'paystatus, two warm processes', kind: 'ours', roles: TWO, warm: true },
  {
    name: 'ours-two-warm-zstd',
    label: 'paystatus, two warm processes, status topics compressed',
    kind: 'ours',
    roles: TWO,
    warm: true,
    compressed: true,
  },
  { name: 'streams-2-cold', label: 'Kafka Streams, two hops, cold JVM', kind: 'streams', hops: 2, warm: false },
  { name: 'streams-2-warm', label: 'Kafka Streams, two hops, warm JVM', kind: 'streams', hops: 2, warm: true },
  { name: 'streams-1-cold', label: 'Kafka Streams, one hop, cold JVM', kind: 'streams', hops: 1, warm: false },
  { name: 'streams-1-warm', label: 'Kafka Streams, one hop, warm JVM', kind: 'streams', hops: 1, warm: true },
  { name: 'connect', label: 'Redpanda Connect', kind: 'connect' },
] as const satisfies readonly Part[]

/** paystatus, with one process for each list of roles. */
export interface OurPart {
  readonly name: string
  readonly label: string
  readonly kind: 'ours'
  readonly roles: readonly (readonly string[])[]
  /** Whether `changes` and `current` are compressed, too. */
  readonly compressed?: boolean
  /** Whether the processes have processed the workload once before, for other payments. */
  readonly warm?: boolean
}

export interface StreamsPart {
  readonly name: string
  readonly label: string
  readonly kind: 'streams'
  readonly hops: number
  readonly warm: boolean
}

interface ConnectPart {
  readonly name: string
  readonly label: string
  readonly kind: 'connect'
}

export type Part = OurPart | StreamsPart | ConnectPart

/** One pass of a part over the whole workload. */
export interface Pass {
  readonly callbacksPerSecond: number
  /** CPU time per callback, µs: of each process of the part, of the broker, and of Redis, unless the part does not use it. */
  readonly cpuMicros: { readonly own: readonly number[]; readonly broker: number; readonly redis: number | null }
  /** Peak resident memory during the pass, MiB. */
  readonly peakMiB: { readonly own: readonly number[]; readonly broker: number; readonly redis: number | null }
}

/**
 * The parts that `PARTS` names, in the order of the table; all if it names none. Redpanda Connect is only measured where there
 * is a binary. Throws if a name is unknown.
 */
export function partsOf(names: string | undefined, connectBinary: string | undefined): readonly Part[] {
  const asked = names === undefined || names === '' ? undefined : names.split(',')
  const unknown = asked?.filter((name) => PARTS.every((part) => part.name !== name)) ?? []
  if (unknown.length > 0) {
    throw new Error(`PARTS: no part ${unknown.join(', ')}; there are ${PARTS.map(({ name }) => name).join(', ')}`)
  }
  if (asked?.includes('connect') && !connectBinary) {
    throw new Error('PARTS: connect needs RPC_BIN, the path of the binary of Redpanda Connect')
  }
  return PARTS.filter(({ name }) => asked?.includes(name) ?? (name !== 'connect' || connectBinary))
}
