import type { Part, Pass } from './part.ts'

/** Everything that was measured in one run. */
export interface Comparison {
  readonly at: string
  readonly commit: string
  readonly cpus: number
  readonly node: string
  readonly java: string
  readonly payments: number
  readonly callbacks: number
  readonly partitions: number
  readonly parts: readonly { readonly part: Part; readonly passes: readonly Pass[] }[]
}

/** The table and what one must know to read it, as Markdown. Pure. */
export function describe(comparison: Comparison): string {
  const { at, commit, cpus, node, java, payments, callbacks, partitions, parts } = comparison
  const rounds = Math.max(...parts.map(({ passes }) => passes.length))
  const measured = (kind: Part['kind']) => parts.some(({ part }) => part.kind === kind)
  return [
    `${at.slice(0, 10)}, commit ${commit}, ${cpus} cores shared by all, Node.js ${node}, Java ${java}. ${count(callbacks)} callbacks of`,
    `${count(payments)} payments of the three providers, 10 % of them repeats, ${partitions} partitions. Counted rounds: ${rounds}; each round`,
    'has one pass of every part. The table shows the pass with the median speed; the slowest and the fastest are in brackets. To',
    'warm the broker and Redis, a whole round comes first that is not counted.',
    '',
    '| part | callbacks/s | CPU per callback, µs: own | broker | Redis | sum | peak memory, MiB: own | broker | Redis |',
    '|---|---|---|---|---|---|---|---|---|',
    ...parts.map(({ part, passes }) => rowOf(part.label, passes)),
    '',
    ...EXPLANATION,
    ...(measured('connect') ? CONNECT : ['- **Redpanda Connect** was not measured: `RPC_BIN` named no binary.']),
    '',
  ].join('\n')
}

function rowOf(label: string, passes: readonly Pass[]): string {
  const bySpeed = passes.toSorted((a, b) => a.callbacksPerSecond - b.callbacksPerSecond)
  const median = bySpeed[Math.floor((bySpeed.length - 1) / 2)] as Pass
  const speeds = bySpeed.map(({ callbacksPerSecond }) => count(callbacksPerSecond))
  const { cpuMicros, peakMiB } = median
  const sum = [...cpuMicros.own, cpuMicros.broker, cpuMicros.redis ?? 0].reduce((total, micros) => total + micros, 0)
  const cells = [
    label,
    `${count(median.callbacksPerSecond)} (${speeds[0]} to ${speeds.at(-1)})`,
    cpuMicros.own.map(micros).join(' + '),
    micros(cpuMicros.broker),
    cpuMicros.redis === null ? '' : micros(cpuMicros.redis),
    micros(sum),
    peakMiB.own.join(' + '),
    peakMiB.broker,
    peakMiB.redis ?? '',
  ]
  return `| ${cells.join(' | ')} |`
}

const EXPLANATION = [
  'Two processes are normalizer + processor. For paystatus, the clock starts when all processes are ready and stops when both',
  'groups have committed everything and all output is readable. For Kafka Streams, it starts with the first record and stops with',
  'the last commit. A cold JVM or process has just started; a warm one has processed as much once before. After every pass the totals are',
  'checked, and the outputs of Kafka Streams are read and compared with the status that each payment must have.',
  '',
  '- **paystatus** accepts whatever the providers send: several payments in one callback, times in any order and zone, corrected',
  '  readings, refunds as children of a payment, dead letters with a reason. A history is bounded. The state is in Redis, where',
  '  any process can query it, and can be rebuilt. The normalizer writes at least once, the processor exactly once. `changes` and',
  '  `current` are not compressed by default, because not every subscriber can read zstd; one row has `kafka.compressStatusTopics`.',
  '- **Kafka Streams** does the plainest form of the same job. A status is decided by its rank and its time; there are no dead',
  '  letters (a malformed callback stops the application), children, corrections or queries, and a history grows without limit.',
  '  The state is in RocksDB beside the process, with a changelog in Kafka. Everything is exactly once (`exactly_once_v2`, a commit',
  '  every 100 ms, lz4). With two hops, an events topic is in between, as in paystatus; with one, the same processor translates.',
] as const

const CONNECT = [
  '- **Redpanda Connect** does the same as Kafka Streams with one hop, with JSON instead of Avro. The state is in Redis and is',
  '  written before the output, so a crash in between loses records: it is neither exactly nor at least once. Its clock includes',
  '  its start.',
] as const

function micros(value: number): string {
  return value.toFixed(1)
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
