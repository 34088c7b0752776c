import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GatheredCommits } from '../../src/normalizer/gathered-commits.ts'

/** Commits that a test answers one by one. */
class SlowOffsets {
  readonly asked: bigint[] = []
  readonly #answers: PromiseWithResolvers<void>[] = []

  readonly commit = (next: bigint): Promise<void> => {
    this.asked.push(next)
    const answer = Promise.withResolvers<void>()
    this.#answers.push(answer)
    return answer.promise
  }

  answer(error?: Error): void {
    const answer = this.#answers.shift()
    if (error === undefined) {
      answer?.resolve()
    } else {
      answer?.reject(error)
    }
  }
}

let offsets: SlowOffsets
let commits: GatheredCommits

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  offsets = new SlowOffsets()
  commits = new GatheredCommits(offsets.commit)
})

afterEach(() => {
  vi.useRealTimers()
})

describe('only one commit runs at a time', () => {
  test('so that an older offset never overwrites a newer one', async () => {
    const first = commits.soon(1n)
    await commits.soon(2n)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(offsets.asked).toEqual([1n])
    offsets.answer()
    await vi.advanceTimersByTimeAsync(0)
    expect(offsets.asked).toEqual([1n, 2n])
    offsets.answer()
    await first
  })

  test('and waiting for all commits includes the newest', async () => {
    void commits.soon(1n)
    await commits.soon(2n)
    let done = false
    const all = commits.now().then(() => {
      done = true
    })
    offsets.answer()
    await vi.advanceTimersByTimeAsync(0)
    expect([offsets.asked, done]).toEqual([[1n, 2n], false])
    offsets.answer()
    await all
  })
})

test('the next commit makes up for a failed one, which rejects for callers that wait for it', async () => {
  const first = commits.soon(1n)
  offsets.answer(new Error('no coordinator'))
  await first
  const again = commits.now()
  expect(offsets.asked).toEqual([1n, 1n])
  offsets.answer(new Error('no coordinator'))
  await expect(again).rejects.toThrow('no coordinator')
  const third = commits.now()
  offsets.answer()
  await third
  expect(offsets.asked).toEqual([1n, 1n, 1n])
})

test('without a requested commit nothing is sent', async () => {
  await commits.now()
  commits.abandon()
  await commits.now()
  expect(offsets.asked).toEqual([])
})
