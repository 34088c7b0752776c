import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAdmin } from '../harness/kafkajs-client.ts'
import { peakRssMiB, resetPeakRss } from '../harness/process-usage.ts'
import { cacheDirectory, exists, fillOnce, findJava, runMaven, shortHash } from '../stack/packages.ts'
import { runCommand } from '../stack/run-command.ts'
import type { ComparedJob } from './compared-job.ts'
import { startChild } from './guarded-child.ts'
import type { Pass, StreamsPart } from './part.ts'
import { distinctDifferencesOf } from './workload.ts'

/** The Kafka Streams application, built. */
export interface StreamsBuild {
  readonly java: string
  /** Of Java. */
  readonly version: string
  readonly classpath: string
}

/** The last line that the application writes. */
interface StreamsReport {
  readonly callbacks: number
  readonly distinct: number
  readonly duplicates: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly brokerCpuSeconds: number
  readonly peakRssMiB: number
}

const PROJECT = join(import.meta.dirname, 'kafka-streams')
/** The parallel collector: G1 was slower here and took more memory. */
const JVM_OPTIONS = ['-Xms512m', '-Xmx512m', '-XX:+UseParallelGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']

/** Builds the application with Maven, once for its sources. */
export async function buildStreams(report: (line: string) => void): Promise<StreamsBuild> {
  const { java, version } = await findJava()
  const files = (await readdir(PROJECT, { recursive: true })).filter((file) => /\.(java|avsc|xml)$/.test(file)).sort()
  const sources = await Promise.all(files.map((file) => readFile(join(PROJECT, file), 'utf8')))
  const directory = join(cacheDirectory(), `bench-streams-${shortHash(sources.join('\0'))}`)
  if (!(await exists(directory))) {
    report('building the Kafka Streams application with Maven, once')
    await fillOnce(directory, (partial) => runMaven(join(PROJECT, 'pom.xml'), [`-Dstreams.build=${partial}`]))
  }
  return {
    java,
    version: /"([^"]+)"/.exec(version)?.[1] ?? version,
    classpath: `${join(directory, 'bench-streams.jar')}:${join(directory, 'lib', '*')}`,
  }
}

/** One run of the application. Throws if it fails, if a total is wrong, or if its output is not what it must be. */
export async function measureStreams(
  job: ComparedJob,
  { java, classpath }: StreamsBuild,
  { hops, warm }: StreamsPart,
): Promise<Pass> {
  const { stack, pids, partitions, callbacks, totals, input, expectedFile } = job
  const name = `streams-${randomUUID().slice(0, 8)}`
  const brokers = stack.kafkaBrokers.join(',')
  resetPeakRss(pids.kafka)
  const child = startChild((directory) => [
    java,
    ...JVM_OPTIONS,
    ...['-cp', classpath, 'paystatus.bench.Main', brokers, input, name, String(partitions), String(hops)],
    ...[warm ? 'warm' : 'cold', directory, String(pids.kafka)],
  ])
  const { code, output } = await child.ended.finally(child.close)
  if (code !== 0) {
    throw new Error(`Kafka Streams ended with ${code}:\n${output.slice(-3_000)}`)
  }
  const brokerPeakMiB = peakRssMiB(pids.kafka)
  const report = readReport(output)
  const { duplicates, distinct } = report
  const wrong = distinctDifferencesOf(totals, { events: report.callbacks, duplicate: duplicates, distinct })
  if (wrong.length > 0) {
    throw new Error(`Kafka Streams counted wrong: ${wrong.join(', ')}`)
  }
  const verified = await runCommand([
    java,
    '-Xmx1g',
    '-cp',
    classpath,
    'paystatus.bench.Verify',
    brokers,
    name,
    expectedFile,
  ])
  if (!verified.ok) {
    throw new Error(`the output of Kafka Streams is wrong: ${verified.output.slice(-3_000)}`)
  }
  const admin = createAdmin({ brokers: stack.kafkaBrokers })
  await admin.connect()
  await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(name)) })
  await admin.disconnect()
  const micros = (seconds: number) => (seconds / callbacks.length) * 1e6
  return {
    callbacksPerSecond: callbacks.length / report.seconds,
    cpuMicros: { own: [micros(report.cpuSeconds)], broker: micros(report.brokerCpuSeconds), redis: null },
    peakMiB: { own: [report.peakRssMiB], broker: brokerPeakMiB, redis: null },
  }
}

/** The line of JSON among what the libraries may log. Throws if there is none. */
export function readReport(output: string): StreamsReport {
  const line = output.split('\n').findLast((one) => one.startsWith('{'))
  if (line === undefined) {
    throw new Error(`Kafka Streams reported nothing:\n${output.slice(-3_000)}`)
  }
  return JSON.parse(line)
}
