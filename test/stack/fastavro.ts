import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDirectory } from './packages.ts'
import { runCommand } from './run-command.ts'

const VERSION = '1.13.1'

/** The path of a Python that has fastavro, an Avro reader that shares no code with ours. Installed once, in the cache. */
export async function ensureFastavro(report: (line: string) => void): Promise<string> {
  const directory = join(cacheDirectory(), `fastavro-${VERSION}`)
  const python = join(directory, 'bin', 'python')
  if (await hasFastavro(python)) return python
  report(`installing fastavro ${VERSION} in a Python environment of its own`)
  await mkdir(cacheDirectory(), { recursive: true })
  const partial = await mkdtemp(`${directory}.partial-`)
  try {
    await runOrFail(['python3', '-m', 'venv', partial])
    await runOrFail([join(partial, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', `fastavro==${VERSION}`])
    // What stands there was made for a Python that is gone, or another checkout was faster.
    if (!(await hasFastavro(python))) await rm(directory, { recursive: true, force: true })
    await rename(partial, directory)
  } catch (error) {
    if (!(await hasFastavro(python))) throw error
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
  return python
}

async function hasFastavro(python: string): Promise<boolean> {
  return (await runCommand([python, '-c', 'import fastavro'])).ok
}

async function runOrFail(command: readonly [string, ...string[]]): Promise<void> {
  const { ok, output } = await runCommand(command)
  if (ok) return
  const needed =
    'Python 3 with venv and pip is needed to check the Avro records (Debian: apt-get install python3-venv).'
  throw new Error(`${needed} \`${command.join(' ')}\` failed:\n${output.slice(-1_500)}`)
}
