import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDirectory } from './packages.ts'
import { runCommand } from './run-command.ts'

export interface PythonPackage {
  /** As PyPI calls it. */
  readonly name: string
  readonly version: string
  /** As it is imported. */
  readonly module: string
  /** What it is needed for, for the message when Python lacks something. */
  readonly purpose: string
}

/** The `bin` of a Python environment that has the package. Installed once, in the cache outside of the checkout. */
export async function ensurePythonPackage(wanted: PythonPackage, report: (line: string) => void): Promise<string> {
  const { name, version } = wanted
  const directory = join(cacheDirectory(), `${name}-${version}`)
  const bin = join(directory, 'bin')
  if (await works(bin, wanted)) return bin
  report(`installing ${name} ${version} in a Python environment of its own`)
  await mkdir(cacheDirectory(), { recursive: true })
  const partial = await mkdtemp(`${directory}.partial-`)
  try {
    await runOrFail(['python3', '-m', 'venv', partial], wanted)
    await runOrFail([join(partial, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', `${name}==${version}`], wanted)
    // What stands there was made for a Python that is gone, or another checkout was faster.
    if (!(await works(bin, wanted))) await rm(directory, { recursive: true, force: true })
    await rename(partial, directory)
  } catch (error) {
    if (!(await works(bin, wanted))) throw error
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
  return bin
}

async function works(bin: string, { module }: PythonPackage): Promise<boolean> {
  return (await runCommand([join(bin, 'python'), '-c', `import ${module}`])).ok
}

async function runOrFail(command: readonly [string, ...string[]], { purpose }: PythonPackage): Promise<void> {
  const { ok, output } = await runCommand(command)
  if (ok) return
  const needed = `Python 3 with venv and pip is needed ${purpose} (Debian: apt-get install python3-venv).`
  throw new Error(`${needed} \`${command.join(' ')}\` failed:\n${output.slice(-1_500)}`)
}
