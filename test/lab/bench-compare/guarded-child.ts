import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Guard } from '../stack/guard.ts'

/** A program with a directory of its own. Neither outlives `close`, nor this process. */
export interface GuardedChild {
  readonly pid: number
  /** Of the program; everything that it wrote, its last line last. */
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>
  close(): Promise<void>
}

export function startChild(
  toCommand: (directory: string) => readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): GuardedChild {
  const directory = mkdtempSync(join(tmpdir(), 'paystatus-compared-'))
  const guard = new Guard(directory)
  const [file, ...args] = toCommand(directory)
  const child = spawn(file, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  if (child.pid !== undefined) {
    guard.add(child.pid)
  }
  let output = ''
  const read = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-100_000)
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  const ended = once(child, 'close').then(
    ([code]) => ({ code: code as number | null, output }),
    (error: Error) => ({ code: null, output: error.message }),
  )
  return { pid: child.pid ?? 0, ended, close: () => guard.close() }
}
