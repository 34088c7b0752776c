import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { HeapTooSmallError, heapGuard } from '../../../src/tools/verify/heap-guard.ts'

const GUARD = new URL('../../../src/tools/verify/heap-guard.ts', import.meta.url).href

describe('the heap guard', () => {
  test('throws an error with a remedy when live objects nearly fill the heap, and collects garbage first', () => {
    let usedBytes = 770
    const collect = vi.fn()
    const guard = heapGuard(() => ({ usedBytes, limitBytes: 1_000 }), collect)
    guard()
    expect(collect).not.toHaveBeenCalled()
    usedBytes = 790
    expect(guard).toThrow(HeapTooSmallError)
    expect(guard).toThrow(/NODE_OPTIONS=--max-old-space-size=\d+.*--since, --payment/)
    expect(collect).toHaveBeenCalledTimes(2)
  })

  test('passes when garbage fills the heap, without collecting it every time', () => {
    let usedBytes = 830
    const collect = vi.fn(() => {
      usedBytes = 770
    })
    const guard = heapGuard(() => ({ usedBytes, limitBytes: 1_000 }), collect)
    guard()
    usedBytes = 795
    guard()
    expect(collect).toHaveBeenCalledTimes(1)
    usedBytes = 805
    guard()
    expect(collect).toHaveBeenCalledTimes(2)
  })

  test('ends a process with a message before V8 aborts it', async () => {
    const fill = `
      import { heapGuard } from ${JSON.stringify(GUARD)}
      const guard = heapGuard()
      const held = []
      try {
        for (let at = 0; ; at += 1) {
          held.push({ at, text: 'x'.repeat(100) + at })
          if (at % 1000 === 0) guard()
        }
      } catch (error) {
        process.stdout.write(error.code)
      }`
    const args = ['--max-old-space-size=64', '--input-type=module', '-e', fill]
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 })
    expect(stdout).toBe('HEAP_TOO_SMALL')
  })
})
