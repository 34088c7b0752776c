import { execFileSync } from 'node:child_process'

/** The commit of this checkout when the process started, `-dirty` if there are changes; `unknown` without git. */
export const COMMIT = commitOfCheckout()

function commitOfCheckout(): string {
  try {
    const describe = ['describe', '--always', '--dirty', '--exclude=*']
    return execFileSync('git', describe, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}
