import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LiveFiles } from '../../src/config/live-files.ts'

let directory: string
let log: string[]
let files: LiveFiles
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'paystatus-live-'))
  log = []
  const line = (level: string) => (fields: object, text: string) =>
    log.push(`${level} ${text} ${JSON.stringify(fields)}`)
  files = new LiveFiles({ info: line('info'), warn: line('warn') } as never, 1_000)
})
afterEach(() => rmSync(directory, { recursive: true }))

const at = (name: string) => join(directory, name)
/** Takes whole numbers only. */
function number(content: Buffer | undefined): number {
  const value = Number(content)
  if (!Number.isInteger(value)) {
    throw new Error('is no number')
  }
  return value
}

describe('a value made from files', () => {
  test('is made again when a file changes, and only then', async () => {
    writeFileSync(at('a'), '1')
    let changes = 0
    const live = files.load(
      'a',
      [at('a')],
      ([a]) => number(a),
      () => {
        changes += 1
      },
    )
    await files.check()
    expect([live.current, changes]).toEqual([1, 0])
    writeFileSync(at('a'), '2')
    await files.check()
    await files.check()
    expect([live.current, changes]).toEqual([2, 1])
    expect(log).toEqual([expect.stringContaining('info a: reloaded')])
  })

  test('follows the way Kubernetes replaces files: a symbolic link gets another target', async () => {
    for (const [version, content] of [
      ['v1', '1'],
      ['v2', '2'],
    ] as const) {
      mkdirSync(at(version))
      writeFileSync(join(at(version), 'a'), content)
    }
    symlinkSync('v1', at('..data'))
    symlinkSync(join('..data', 'a'), at('a'))
    const live = files.load('a', [at('a')], ([a]) => number(a))
    symlinkSync('v2', at('..tmp'))
    renameSync(at('..tmp'), at('..data'))
    await files.check()
    expect(live.current).toBe(2)
  })

  test('stays the same while a file is invalid or missing, which is logged once and counted', async () => {
    writeFileSync(at('a'), '1')
    const live = files.load('the number', [at('a')], ([a]) => number(a))
    writeFileSync(at('a'), 'one')
    await files.check()
    await files.check()
    expect([live.current, files.staleCount]).toEqual([1, 1])
    expect(log).toEqual([expect.stringMatching(/^warn the number: .*stays in use.*is no number/)])
    unlinkSync(at('a'))
    await files.check()
    await files.check()
    expect([live.current, files.staleCount]).toEqual([1, 1])
    expect(log[1]).toMatch(/cannot be read \(ENOENT\)/)
    expect(log).toHaveLength(2)
    writeFileSync(at('a'), '3')
    await files.check()
    expect([live.current, files.staleCount]).toEqual([3, 0])
  })

  test('made from two files never mixes an old one and a new one', async () => {
    writeFileSync(at('a'), '1')
    writeFileSync(at('b'), '1')
    const live = files.load('pair', [at('a'), at('b')], ([a, b]) => {
      if (number(a) !== number(b)) {
        throw new Error('do not belong together')
      }
      return number(a)
    })
    writeFileSync(at('a'), '2')
    await files.check()
    expect([live.current, files.staleCount]).toEqual([1, 1])
    writeFileSync(at('b'), '2')
    await files.check()
    expect([live.current, files.staleCount]).toEqual([2, 0])
  })

  test('is refused at once if its files are invalid at the start', () => {
    writeFileSync(at('a'), 'one')
    expect(() => files.load('a', [at('a')], ([a]) => number(a))).toThrow('is no number')
  })
})
