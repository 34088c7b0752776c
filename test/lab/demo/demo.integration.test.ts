import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import type { DemoFigures } from './judge.ts'

const DEMO = fileURLToPath(new URL('main.ts', import.meta.url))

describe('make demo ONCE=1', () => {
  let directory: string
  let demo: Demo | undefined

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'paystatus-demo-test-'))
  })
  afterEach(async () => {
    await demo?.end()
    rmSync(directory, { recursive: true, force: true })
  })

  it('I3 I4 I5 I7: ends with 0 mismatches and no duplicate in changes although the processor is killed in the middle', async () => {
    demo = new Demo(directory, { PAYMENTS: '600', SEED: '11', RATE: '250' })
    await demo.says('simulating 600 payments')
    await demo.says('more changes follow')
    const processor = demo.pids()['processor']
    process.kill(processor as number, 'SIGKILL')
    await demo.says('the processor died (SIGKILL); starting it again')
    const exitCode = await demo.exited

    const figures = demo.figures()
    expect(exitCode, demo.output).toBe(0)
    // A repeated record in `changes`, a repeated version or a wrong status would each be a mismatch (see judge.ts).
    expect(figures.mismatches, demo.output).toBe(0)
    expect(figures.accepted).toBe(figures.callbacks)
    expect(figures.payments).toBeGreaterThanOrEqual(600)
    expect(figures.events).toBeGreaterThan(600)
    expect(demo.pids()['processor']).not.toBe(processor)
  })

  it('ends at once when interrupted, reports what it has, and leaves no process behind', async () => {
    demo = new Demo(directory, { PAYMENTS: '2000', SEED: '3', RATE: '50' })
    await demo.says('simulating 2000 payments')
    const pids = Object.values(demo.pids())
    demo.child.kill('SIGINT')
    expect(await demo.exited).not.toBe(0)
    await eventually(() => {
      expect(pids.filter(isAlive)).toEqual([])
    })
  })
})

class Demo {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  readonly #directory: string
  output = ''

  constructor(directory: string, env: Record<string, string>) {
    this.#directory = directory
    const stackFile = join(directory, 'stack.json')
    writeFileSync(stackFile, JSON.stringify(inject('stack')))
    this.child = spawn(process.execPath, [DEMO], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ONCE: '1',
        ...env,
        PAYSTATUS_STACK_FILE: stackFile,
        PAYSTATUS_DEMO_DIR: directory,
      },
    })
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.output += chunk
    })
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.output += chunk
    })
    this.exited = once(this.child, 'close').then(([code]) => code as number | null)
  }

  async says(text: string): Promise<void> {
    await eventually(() => {
      if (!this.output.includes(text)) {
        throw new Error(`the demo did not say "${text}":\n${this.output}`)
      }
    })
  }

  pids(): Record<string, number> {
    return JSON.parse(readFileSync(join(this.#directory, 'pids.json'), 'utf8')) as Record<string, number>
  }

  /** The last line. */
  figures(): DemoFigures {
    return JSON.parse(this.output.trimEnd().split('\n').at(-1) ?? '') as DemoFigures
  }

  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL')
      await this.exited
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
