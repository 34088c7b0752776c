import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withClassArchives } from './class-archives.ts'
import { type ControlRequest, callControl, serveControl } from './control.ts'
import { Guard } from './guard.ts'
import { ensurePackages } from './packages.ts'
import { launch, type ServerControl, type ServerName } from './server.ts'
import { type ServerKind, serverKind } from './server-kind.ts'
import { CONTAINER_SPECS, kafkaSpec, redisSpec, registrySpec } from './specs.ts'
import { ensureCommand } from './system-package.ts'

/** How to reach a running stack: plain data, to write to a file or pass to a worker. */
export interface StackInfo {
  readonly kafkaBrokers: string[]
  readonly redisUrl: string
  /** The Confluent API of the registry. */
  readonly registryUrl: string
  /** Of the servers as they were started; a server that is started again has another one, and a container none. */
  readonly pids: Partial<Record<ServerName, number>>
  /** Data and logs. */
  readonly directory: string
  /** Where its owner takes requests (see control.ts); empty when the servers are those of docker-compose.yml. */
  readonly control: string
}

export interface Stack extends StackInfo, Readonly<Record<ServerName, ServerControl>> {
  /** Ends the servers and removes their data, if this process started them. */
  stop(): Promise<void>
}

export interface StackOptions {
  /** Processes or containers; what `STACK` says if not given (see server-kind.ts). */
  readonly kind?: ServerKind
  /** Starts these servers only; the addresses of the others are empty. */
  readonly only?: readonly ServerName[]
  /** Told about what takes long. */
  readonly report?: (line: string) => void
  /** Answers another process's request to end the stack; without it such a request is refused. */
  readonly onShutdown?: () => Promise<void>
}

const SERVERS = ['kafka', 'redis', 'registry'] as const

/** A server that this process started, as a process or as a container. */
interface RunningServer extends ServerControl {
  readonly name: string
  readonly ports: readonly number[]
  readonly pid: number | undefined
}

/**
 * Starts real servers on free ports of 127.0.0.1, with their data in a temporary directory or in their containers.
 *
 * Nothing outlives this process: see guard.ts. Rejects with the end of a server's log when it does not start.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const { only = SERVERS, report = () => {}, onShutdown } = options
  const kind = options.kind ?? (await serverKind())
  const launches = await (kind === 'containers' ? ofContainers(only) : ofPackages(only, report))
  const directory = await mkdtemp(join(tmpdir(), 'paystatus-stack-'))
  const guard = new Guard(directory)
  const starts = await Promise.allSettled(launches.map((start) => start(directory, guard)))
  const servers = new Map<ServerName, RunningServer>()
  for (const start of starts) {
    if (start.status === 'fulfilled') servers.set(start.value.name as ServerName, start.value)
  }
  const failed = starts.find((start) => start.status === 'rejected')
  if (failed) {
    await guard.close()
    throw failed.reason
  }

  const control = join(directory, 'control.sock')
  const requests = serveControl(control, async (request) => {
    if ('server' in request) return serverOf(servers, request.server)[request.action]()
    if (request.action === 'ping') return
    if (!onShutdown) throw new Error('this stack ends with the process that started it')
    return onShutdown()
  })
  const port = (name: ServerName) => servers.get(name)?.ports[0]
  const info: StackInfo = {
    kafkaBrokers: servers.has('kafka') ? [`127.0.0.1:${port('kafka')}`] : [],
    redisUrl: servers.has('redis') ? `redis://127.0.0.1:${port('redis')}` : '',
    registryUrl: servers.has('registry') ? `http://127.0.0.1:${port('registry')}/apis/ccompat/v7` : '',
    pids: Object.fromEntries([...servers].map(([name, server]) => [name, server.pid])),
    directory,
    control,
  }
  const stop = async () => {
    requests.close()
    await Promise.all([...servers.values()].map((server) => server.kill()))
    await guard.close()
  }
  const controls = forEachServer((name) => serverControl((action) => serverOf(servers, name)[action]()))
  return { ...info, ...controls, stop }
}

/** The servers of a stack that another process holds; `stop` leaves them running. Rejects when it is not running. */
export async function attachStack(info: StackInfo): Promise<Stack> {
  const call = (request: ControlRequest) => {
    if (info.control === '')
      throw new Error('the servers are those of docker-compose.yml and cannot be handled from here')
    return callControl(info.control, request)
  }
  if (info.control !== '') await call({ action: 'ping' })
  const controls = forEachServer((server) => serverControl((action) => call({ action, server })))
  return { ...info, ...controls, stop: async () => {} }
}

/** The running stack that `PAYSTATUS_STACK_FILE` names (`make up` writes one), or else a new one. */
export async function useStack(options: StackOptions = {}): Promise<Stack> {
  const { PAYSTATUS_STACK_FILE: file } = process.env
  if (!file) return startStack(options)
  try {
    return await attachStack(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    throw new Error(`PAYSTATUS_STACK_FILE=${file} names no running stack: run \`make up\`, or unset it`, { cause })
  }
}

type Launch = (directory: string, guard: Guard) => Promise<RunningServer>

async function ofPackages(only: readonly ServerName[], report: (line: string) => void): Promise<readonly Launch[]> {
  const needsJava = only.includes('kafka') || only.includes('registry')
  const [packages] = await Promise.all([
    needsJava ? ensurePackages(report).then((found) => withClassArchives(found, report)) : undefined,
    only.includes('redis') ? ensureCommand('redis-server', 'redis-server', report) : undefined,
  ])
  const specs = [redisSpec, ...(packages ? [kafkaSpec(packages), registrySpec(packages)] : [])]
  return specs
    .filter(({ name }) => only.some((one) => one === name))
    .map((spec) => (directory, guard) => launch(spec, directory, guard))
}

async function ofContainers(only: readonly ServerName[]): Promise<readonly Launch[]> {
  // Only now: `make up` from packages needs no dependency of the checkout.
  const { launchContainer } = await import('./container-server.ts')
  return CONTAINER_SPECS.filter(({ name }) => only.includes(name)).map(
    (spec) => (_directory, guard) => launchContainer(spec, guard),
  )
}

function serverOf(servers: ReadonlyMap<ServerName, RunningServer>, name: ServerName): RunningServer {
  const server = servers.get(name)
  if (!server) throw new Error(`this stack was started without ${name}`)
  return server
}

function forEachServer<T>(make: (name: ServerName) => T): Record<ServerName, T> {
  return { kafka: make('kafka'), redis: make('redis'), registry: make('registry') }
}

function serverControl(act: (action: keyof ServerControl) => Promise<unknown>): ServerControl {
  const doing = (action: keyof ServerControl) => async () => {
    await act(action)
  }
  return {
    kill: doing('kill'),
    stop: doing('stop'),
    start: doing('start'),
    pause: doing('pause'),
    resume: doing('resume'),
  }
}
