import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheDirectory } from '../lab/stack/packages.ts'
import { runCommand } from '../lab/stack/run-command.ts'

const SOURCES = join(import.meta.dirname, '../../deploy/validate')

/**
 * The program that renders and checks the manifests, built once for its sources and kept outside the checkout. Undefined
 * if there is no Go to build it with.
 */
export async function manifestValidator(report: (line: string) => void): Promise<string | undefined> {
  const hash = createHash('sha256')
  for (const file of (await readdir(SOURCES)).toSorted()) {
    hash.update(file).update(await readFile(join(SOURCES, file)))
  }
  const program = join(cacheDirectory(), `manifests-${hash.digest('hex').slice(0, 16)}`, 'validate')
  if ((await runCommand([program])).ok) {
    return program
  }
  if (!(await runCommand(['go', 'version'])).ok) {
    report(
      'The Kubernetes manifests were not checked: that needs Go 1.24 or newer (Debian: apt-get install golang-go).',
    )
    return undefined
  }
  report('building the check of the Kubernetes manifests, once')
  await mkdir(cacheDirectory(), { recursive: true })
  const partial = await mkdtemp(`${dirname(program)}.partial-`)
  try {
    const built = await runCommand(['go', 'build', '-C', SOURCES, '-trimpath', '-o', join(partial, 'validate'), '.'])
    if (!built.ok) {
      throw new Error(`the check of the manifests could not be built:\n${built.output.slice(-3_000)}`)
    }
    await rename(partial, dirname(program)).catch(async (error) => {
      // Another checkout was faster.
      if (!(await runCommand([program])).ok) throw error
    })
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
  return program
}
