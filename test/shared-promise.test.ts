import { expect, test } from 'vitest'
import { sharedPromise } from '../src/shared-promise.ts'

test('what is loaded is shared, and loaded again only after a failure', async () => {
  let loads = 0
  const load = sharedPromise(async () => {
    loads += 1
    if (loads === 1) {
      throw new Error('refused')
    }
    return { loads }
  })
  const both = await Promise.allSettled([load(), load()])
  expect([both.map(({ status }) => status), loads]).toEqual([['rejected', 'rejected'], 1])
  const [first, second] = await Promise.all([load(), load()])
  expect([first, await load(), loads]).toEqual([second, first, 2])
})
