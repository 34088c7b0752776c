/** `make up`, `make down`: one stack per checkout that runs until it is stopped. The other commands are for `make test`. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureChromium } from './chromium.ts'
import { ensureCloudEvents } from './cloudevents-python.ts'
import { callControl } from './control.ts'
import { ensureDatacontract } from './datacontract.ts'
import { composeDown, composeUp, isComposeRunning } from './docker.ts'
import { ensureExamplePython } from './example-python.ts'
import { ensureFastavro } from './fastavro.ts'
import { ensureOracle } from './oracle-python.ts'
import { ensureOtlp } from './otlp-python.ts'
import { ensurePrometheus } from './prometheus.ts'
import { ensureSchemathesis } from './schemathesis.ts'
import { serverKind, whyNoContainers } from './server-kind.ts'
import { type Stack, type StackInfo, startStack } from './stack.ts'
import { ensureCommand } from './system-package.ts'
import { valkeySpec } from './valkey.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const STATE = join(ROOT, '.stack')
const STACK_FILE = join(STATE, 'stack.json')
const CONFIG_FILE = join(STATE, 'paystatus.yaml')
const KEEPER_LOG = join(STATE, 'keeper.log')

/** What the background keeper reports to the `up` that started it. */
type KeeperNews = { readonly progress: string } | { readonly failed: string } | { readonly ready: true }

const COMMANDS: Readonly<Record<string, () => Promise<void>>> = {
  up,
  down,
  status,
  tools: installTools,
  'container-tests': sayWhetherContainerTestsRun,
  keep,
}

const command = COMMANDS[process.argv[2] ?? '']
if (command) {
  await command().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  })
} else {
  console.error('usage: main.ts up | down | status | tools | container-tests')
  process.exitCode = 2
}

async function up(): Promise<void> {
  const running = await runningStack()
  if (running) {
    console.log('The stack is already up.')
    printStack(running)
    return
  }
  await rm(STACK_FILE, { force: true })
  await mkdir(STATE, { recursive: true })
  const startedAt = performance.now()
  if ((await serverKind()) === 'containers') {
    console.log('Starting Kafka, Redis and the registry with docker compose (STACK=packages: from packages).')
    await writeFile(STACK_FILE, JSON.stringify(await composeUp(ROOT), null, 2))
  } else {
    console.log('Starting Kafka, Redis and the registry from packages.')
    if (!(await startKeeper())) {
      process.exitCode = 1
      return
    }
  }
  const info = await runningStack()
  if (!info) throw new Error(`the stack ended right after its start: see ${KEEPER_LOG}`)
  await writeFile(CONFIG_FILE, configurationFor(info))
  console.log(`Up after ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`)
  printStack(info)
}

async function down(): Promise<void> {
  const info = await runningStack()
  if (!info) console.log('The stack is not up.')
  else if (info.control === '') await composeDown(ROOT)
  else await callControl(info.control, { action: 'shutdown' })
  await Promise.all([STACK_FILE, CONFIG_FILE].map((file) => rm(file, { force: true })))
  if (info) console.log('The stack is down.')
}

async function status(): Promise<void> {
  const info = await runningStack()
  if (info) printStack(info)
  else console.log('The stack is not up: make up')
  process.exitCode = info ? 0 : 1
}

/** Exits with 1, after one sentence, if the tests that need Docker must be skipped. */
async function sayWhetherContainerTestsRun(): Promise<void> {
  const reason = process.env['STACK'] === 'packages' ? 'STACK=packages' : await whyNoContainers()
  if (reason === undefined) return
  console.error(`The tests of the image, the compose file and the Testcontainers package were skipped: ${reason}.`)
  process.exitCode = 1
}

/** The stack of this checkout, if it answers; the file of a killed keeper does not count. */
async function runningStack(): Promise<StackInfo | undefined> {
  try {
    const info: StackInfo = JSON.parse(await readFile(STACK_FILE, 'utf8'))
    if (info.control === '') return (await isComposeRunning(ROOT)) ? info : undefined
    await callControl(info.control, { action: 'ping' })
    return info
  } catch {
    return undefined
  }
}

async function startKeeper(): Promise<boolean> {
  const log = openSync(KEEPER_LOG, 'w')
  const keeper = fork(import.meta.filename, ['keep'], { detached: true, stdio: ['ignore', log, log, 'ipc'] })
  keeper.on('message', (news: KeeperNews) => {
    if ('progress' in news) console.log(`  ${news.progress}`)
    else keeper.disconnect()
    if ('failed' in news) console.error(news.failed)
  })
  const failed = await Promise.race([
    once(keeper, 'exit').then(() => true),
    once(keeper, 'disconnect').then(() => false),
  ])
  keeper.unref()
  return !failed && (await runningStack()) !== undefined
}

/** Runs in the background, holds the servers, and ends with them. */
async function keep(): Promise<void> {
  const tell = (news: KeeperNews) => process.send?.(news)
  let stack: Stack | undefined
  const shutDown = async () => {
    // In this order: once the file is gone, the servers must be gone, too.
    await stack?.stop()
    if (stack) await rm(STACK_FILE, { force: true })
    process.exit(0)
  }
  // `up` ended before this keeper was ready, so nothing refers to this stack.
  const abandoned = () => process.exit(1)
  process.on('disconnect', abandoned)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void shutDown())
  try {
    stack = await startStack({ kind: 'packages', report: (progress) => tell({ progress }), onShutdown: shutDown })
    await publish(stack)
  } catch (error) {
    tell({ failed: error instanceof Error ? error.message : String(error) })
    await stack?.stop()
    return process.exit(1)
  }
  process.off('disconnect', abandoned)
  tell({ ready: true })
}

/** Writes the stack file atomically, and only if there is none, so that one of two concurrent `make up` wins. */
async function publish({ kafkaBrokers, redisUrl, registryUrl, pids, directory, control }: StackInfo): Promise<void> {
  const partial = `${STACK_FILE}.${process.pid}`
  const info: StackInfo = { kafkaBrokers, redisUrl, registryUrl, pids, directory, control }
  await writeFile(partial, `${JSON.stringify({ ...info, keeperPid: process.pid }, null, 2)}\n`)
  try {
    await link(partial, STACK_FILE)
  } catch (cause) {
    throw new Error('another `make up` of this checkout was faster', { cause })
  } finally {
    await rm(partial)
  }
}

/** What the integration tests need besides the stack; checked before a run, so that it cannot fail in the middle. */
async function installTools(): Promise<void> {
  const report = (line: string) => console.log(line)
  await ensureCommand('redis-server', 'redis-server', report)
  await ensureCommand('kcat', 'kcat', report)
  await ensureChromium(report)
  await ensureFastavro(report)
  await ensureDatacontract(report)
  await ensureCloudEvents(report)
  await ensureOtlp(report)
  await ensureSchemathesis(report)
  await ensureOracle(report)
  await ensureExamplePython(report)
  await valkeySpec(report)
  await ensurePrometheus(report)
}

/** The smallest configuration that has every provider. Ports and limits are the defaults. */
function configurationFor({ kafkaBrokers, redisUrl, registryUrl }: StackInfo): string {
  return `# Written by \`make up\`. Anybody on this machine may call: see docs/gateway-security.md.
kafka:
  brokers: [${kafkaBrokers.join(', ')}]
redis:
  url: ${redisUrl}
registry:
  url: ${registryUrl}
sources:
  - id: jpm-v1
    provider: jpm-global-payments-v1
    path: /callbacks/jpm-v1
    authentication: none
  - id: jpm-v2
    provider: jpm-global-payments-v2
    path: /callbacks/jpm-v2
    authentication: none
  - id: instamed
    provider: instamed
    path: /callbacks/instamed
    currency: USD
    authentication: none
`
}

function printStack(info: StackInfo): void {
  console.log(`
  Kafka     ${info.kafkaBrokers.join(',')}
  Redis     ${info.redisUrl}
  Registry  ${info.registryUrl}
  Logs      ${info.directory || 'docker compose logs'}

  Run paystatus on it:           export PAYSTATUS_CONFIG=${CONFIG_FILE}
  Use it in tests and the demo:  export PAYSTATUS_STACK_FILE=${STACK_FILE}
  Take it down:                  make down
`)
}
