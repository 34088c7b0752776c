import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cp, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Guard } from '../../stack/guard.ts'
import { type Mutant, mutatedFiles, type Patched } from './mutant.ts'

const CHECKOUT = fileURLToPath(new URL('../../../..', import.meta.url))
/** What is copied into a mutant's checkout, and what is only linked. */
const COPIED = ['bin', 'src', 'package.json', 'tsconfig.json']
const LINKED = ['node_modules', 'schemas']

export interface MutatedCheckout {
  readonly directory: string
  /** The program to run instead of `bin/paystatus`. */
  readonly program: string
  remove(): Promise<void>
}

export function readSource(file: string, checkout = CHECKOUT): string {
  return readFileSync(join(checkout, file), 'utf8')
}

/**
 * A patched copy of the product: with a bug in it, or as an older release. `checkout` is the directory to copy, by default this
 * checkout. Rejects if a patch does not apply.
 */
export async function mutatedCheckout(patched: Patched, checkout = CHECKOUT): Promise<MutatedCheckout> {
  const directory = await mkdtemp(join(tmpdir(), `paystatus-mutant-${patched.name}-`))
  // Removes the copy even if this process is killed.
  const guard = new Guard(directory)
  const remove = () => guard.close()
  try {
    for (const name of COPIED) {
      await cp(join(checkout, name), join(directory, name), { recursive: true })
    }
    for (const name of LINKED) {
      await symlink(join(CHECKOUT, name), join(directory, name))
    }
    for (const [file, text] of mutatedFiles(patched, (file) => readSource(file, checkout))) {
      await writeFile(join(directory, file), text)
    }
    return { directory, program: join(directory, 'bin/paystatus'), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Rejects if a mutant does not type-check: one that merely crashes would be caught for the wrong reason. */
export async function typeCheck({ name }: Mutant, { directory }: MutatedCheckout): Promise<void> {
  const configFile = join(directory, 'tsconfig.json')
  const config = JSON.parse(readSource('tsconfig.json'))
  // A bug may leave unused names.
  const compilerOptions = { ...config.compilerOptions, noUnusedLocals: false, noUnusedParameters: false }
  await writeFile(configFile, JSON.stringify({ compilerOptions, include: ['src'] }))
  await promisify(execFile)(join(CHECKOUT, 'node_modules/.bin/tsc'), ['--project', configFile], {
    timeout: 120_000,
  }).catch((error: { stdout?: string; message: string }) => {
    throw new Error(`mutant ${name} does not type-check: ${error.stdout || error.message}`)
  })
}
