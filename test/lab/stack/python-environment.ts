import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDirectory } from './packages.ts'
import { runCommand } from './run-command.ts'

export interface PythonEnvironment {
  /** Of the directory in the cache; another version needs another name. */
  readonly name: string
  /** What pip installs: pinned packages, or `-r` and a file. */
  readonly install: readonly string[]
  /** Modules that must be there when it is ready. */
  readonly modules: readonly string[]
  /** For the message of a failure. */
  readonly neededFor: string
}

/** The path of a Python that has these modules. Installed once, in the cache. */
export async function ensurePythonEnvironment(
  environment: PythonEnvironment,
  report: (line: string) => void,
): Promise<string> {
  const { name, install, modules } = environment
  const directory = join(cacheDirectory(), name)
  const python = join(directory, 'bin', 'python')
  const isReady = async () => (await runCommand([python, '-c', `import ${modules.join(', ')}`])).ok
  if (await isReady()) return python
  report(`installing ${modules.join(', ')} in a Python environment of its own`)
  await mkdir(cacheDirectory(), { recursive: true })
  const partial = await mkdtemp(`${directory}.partial-`)
  try {
    await runOrFail(['python3', '-m', 'venv', partial], environment)
    await runOrFail([join(partial, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', ...install], environment)
    // What stands there was made for a Python that is gone, or another checkout was faster.
    if (!(await isReady())) await rm(directory, { recursive: true, force: true })
    await rename(partial, directory)
  } catch (error) {
    if (!(await isReady())) throw error
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
  return python
}

async function runOrFail(command: readonly [string, ...string[]], { neededFor }: PythonEnvironment): Promise<void> {
  const { ok, output } = await runCommand(command)
  if (ok) return
  const needed = `Python 3 with venv and pip is needed to ${neededFor} (Debian: apt-get install python3-venv).`
  throw new Error(`${needed} \`${command.join(' ')}\` failed:\n${output.slice(-1_500)}`)
}
