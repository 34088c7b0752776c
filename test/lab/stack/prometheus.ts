import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDirectory } from './packages.ts'
import { type CommandResult, runCommand } from './run-command.ts'

/** Prometheus and promtool, as commands. */
export interface PrometheusCommands {
  readonly prometheus: string
  readonly promtool: string
}

/**
 * Those of the system, or else those of Debian's package `prometheus`, unpacked in the cache: so they need no root, and no
 * service is started on port 9090, which is the one of our admin server.
 */
export async function ensurePrometheus(report: (line: string) => void): Promise<PrometheusCommands> {
  if (await isCommand('prometheus', 'promtool')) {
    return { prometheus: 'prometheus', promtool: 'promtool' }
  }
  const directory = join(cacheDirectory(), 'prometheus-debian')
  const bin = join(directory, 'usr', 'bin')
  const unpacked = { prometheus: join(bin, 'prometheus'), promtool: join(bin, 'promtool') }
  const isReady = () => isCommand(unpacked.prometheus, unpacked.promtool)
  if (await isReady()) return unpacked
  report("unpacking Debian's package prometheus into the cache, once (about 20 MB)")
  await mkdir(cacheDirectory(), { recursive: true })
  const partial = await mkdtemp(`${directory}.partial-`)
  try {
    await download(partial)
    const [file = ''] = (await readdir(partial)).filter((name) => name.endsWith('.deb'))
    const { ok, output } = await runCommand(['dpkg-deb', '-x', join(partial, file), join(partial, 'files')])
    if (!ok) throw new Error(`${MISSING}\n${output.slice(-1_500)}`)
    // Another checkout may have been faster.
    if (!(await isReady())) await rename(join(partial, 'files'), directory)
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
  return unpacked
}

const MISSING = 'promtool is missing: install Prometheus (Debian: apt-get install prometheus) and try again.'

async function download(directory: string): Promise<void> {
  // apt-get writes into its working directory and, as root, warns that its own user may not.
  const get = () => runCommand(['sh', '-c', 'cd "$1" && apt-get -q download prometheus', 'sh', directory])
  let got: CommandResult = await get()
  if (!got.ok && process.getuid?.() === 0) {
    await runCommand(['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=120', 'update'])
    got = await get()
  }
  if (!got.ok) throw new Error(`${MISSING}\n${got.output.slice(-1_500)}`)
}

async function isCommand(...commands: readonly string[]): Promise<boolean> {
  const results = await Promise.all(commands.map((command) => runCommand([command, '--version'])))
  return results.every(({ ok }) => ok)
}
