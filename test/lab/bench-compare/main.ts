/**
 * `make bench-compare`: paystatus beside the same job as a Kafka Streams application, and as a pipeline of Redpanda Connect, on
 * the same servers in the same run. Prints a table. Writes it into docs/benchmarks.md unless PARTS or PAYMENTS is set.
 *
 * PAYMENTS=100000 ROUNDS=3 PARTITIONS=6; PARTS=ours-two,streams-2-cold measures some; RPC_BIN is the binary of Redpanda Connect.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { COMMIT } from '../harness/commit.ts'
import { envNumber } from '../harness/env-number.ts'
import { createAdmin } from '../harness/kafkajs-client.ts'
import { withMeasured } from '../harness/measured-section.ts'
import { preload } from '../harness/preload-raw.ts'
import { runCommand } from '../stack/run-command.ts'
import { useStack } from '../stack/stack.ts'
import type { ComparedJob } from './compared-job.ts'
import { describe } from './comparison.ts'
import { measureConnect } from './measure-connect.ts'
import { measureOurs } from './measure-ours.ts'
import { buildStreams, measureStreams } from './measure-streams.ts'
import { type Part, type Pass, partsOf } from './part.ts'
import { totalsOf, workload } from './workload.ts'

const PAYMENTS = envNumber('PAYMENTS', 100_000)
const ROUNDS = Math.max(1, envNumber('ROUNDS', 3))
const PARTITIONS = envNumber('PARTITIONS', 6)
const { RPC_BIN, PARTS: NAMES } = process.env
const DOCUMENT = 'docs/benchmarks.md'

let parts: readonly Part[]
try {
  parts = partsOf(NAMES, RPC_BIN)
  if (parts.some(({ kind }) => kind === 'connect')) {
    const { ok, output } = await runCommand([RPC_BIN as string, '--version'])
    if (!ok) {
      throw new Error(`RPC_BIN=${RPC_BIN} does not run: ${output.trim()}`)
    }
    say(output.trim())
  }
} catch (error) {
  say((error as Error).message)
  process.exit(2)
}

const directory = mkdtempSync(join(tmpdir(), 'paystatus-bench-compare-'))
let code = 0
const streams = await buildStreams(say)
const stack = await useStack({ report: say })
try {
  const job = await prepare()
  const measured = parts.map((part) => ({ part, passes: [] as Pass[] }))
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const { part, passes } of measured) {
      const pass = await measure(job, part)
      say(`${round === 0 ? 'not counted' : `round ${round}`}: ${part.label}: ${JSON.stringify(pass)}`)
      if (round > 0) {
        passes.push(pass)
      }
    }
  }
  const text = describe({
    at: new Date().toISOString(),
    commit: COMMIT,
    cpus: cpus().length,
    node: process.version,
    java: streams.version,
    payments: PAYMENTS,
    callbacks: job.callbacks.length,
    partitions: PARTITIONS,
    parts: measured,
  })
  process.stdout.write(text)
  if (!NAMES && !process.env['PAYMENTS']) {
    writeFileSync(DOCUMENT, withMeasured(readFileSync(DOCUMENT, 'utf8'), 'make bench-compare', text))
    say(`${DOCUMENT} written`)
  }
} catch (error) {
  say(`bench-compare: ${(error as Error).stack}`)
  code = 1
} finally {
  await stack.stop()
  rmSync(directory, { recursive: true })
}
process.exit(code)

/** Writes the callbacks that others read, and what they must make of them. */
async function prepare(): Promise<ComparedJob> {
  const { kafka, redis } = stack.pids
  if (kafka === undefined || redis === undefined) {
    throw new Error('servers in containers cannot be measured: run with STACK=packages')
  }
  const callbacks = [...workload(PAYMENTS)]
  const input = `bench-compare-${randomUUID().slice(0, 8)}`
  const admin = createAdmin({ brokers: stack.kafkaBrokers })
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: input, numPartitions: PARTITIONS, replicationFactor: 1 }] })
  await admin.disconnect()
  const records = callbacks.map(({ paymentId, provider, body }) => ({
    key: Buffer.from(paymentId),
    value: body,
    headers: { provider },
  }))
  await preload({ brokers: stack.kafkaBrokers }, input, PARTITIONS, records)
  const expectedFile = join(directory, 'expected')
  const finals = new Map(callbacks.map(({ paymentId, finalStatus }) => [paymentId, finalStatus]))
  writeFileSync(expectedFile, [...finals].map(([id, status]) => `${id} ${status}\n`).join(''))
  const totals = totalsOf(PAYMENTS, callbacks)
  return { stack, pids: { kafka, redis }, partitions: PARTITIONS, callbacks, totals, input, expectedFile }
}

function measure(job: ComparedJob, part: Part): Promise<Pass> {
  switch (part.kind) {
    case 'ours':
      return measureOurs(job, part)
    case 'streams':
      return measureStreams(job, streams, part)
    case 'connect':
      return measureConnect(job, RPC_BIN as string)
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
