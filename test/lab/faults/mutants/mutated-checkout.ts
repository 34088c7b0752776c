import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cp, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Guard } from '../../stack/guard.ts'
import { type Mutant, mutatedFiles } from './mutant.ts'

const CHECKOUT = fileURLToPath(new URL('../../../..', import.meta.url))
/** What the program needs, and what it only looks at. */
const COPIED = ['bin', 'src', 'package.json', 'tsconfig.json']
const LINKED = ['node_modules', 'schemas']

export interface MutatedCheckout {
  readonly directory: string
  /** To be started in place of `bin/paystatus`. */
  readonly program: string
  remove(): Promise<void>
}

export function readSource(file: string): string {
  return readFileSync(join(CHECKOUT, file), 'utf8')
}

/** A copy of the product with a bug in it. Rejects if a patch does not apply. */
export async function mutatedCheckout(mutant: Mutant): Promise<MutatedCheckout> {
  const directory = await mkdtemp(join(tmpdir(), `paystatus-mutant-${mutant.name}-`))
  // Removes it also if this process is killed.
  const guard = new Guard(directory)
  const remove = () => guard.close()
  try {
    for (const name of COPIED) {
      await cp(join(CHECKOUT, name), join(directory, name), { recursive: true })
    }
    for (const name of LINKED) {
      await symlink(join(CHECKOUT, name), join(directory, name))
    }
    for (const [file, text] of mutatedFiles(mutant, readSource)) {
      await writeFile(join(directory, file), text)
    }
    return { directory, program: join(directory, 'bin/paystatus'), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Rejects if a mutant is no sound TypeScript: one that only dies would be caught for the wrong reason. */
export async function typeCheck({ name }: Mutant, { directory }: MutatedCheckout): Promise<void> {
  const configFile = join(directory, 'tsconfig.json')
  const config = JSON.parse(readSource('tsconfig.json'))
  // What a bug no longer uses may stay.
  const compilerOptions = { ...config.compilerOptions, noUnusedLocals: false, noUnusedParameters: false }
  await writeFile(configFile, JSON.stringify({ compilerOptions, include: ['src'] }))
  await promisify(execFile)(join(CHECKOUT, 'node_modules/.bin/tsc'), ['--project', configFile], {
    timeout: 120_000,
  }).catch((error: { stdout?: string; message: string }) => {
    throw new Error(`mutant ${name} does not type-check: ${error.stdout || error.message}`)
  })
}
