import { expect, test } from 'vitest'
import { Interleaver } from './interleaver.ts'

/** Runs two processes of two steps each and returns the order in which the steps ran. */
async function orderOf(choices: readonly number[]): Promise<string> {
  const interleaver = new Interleaver<string>()
  const taken: string[] = []
  const work = async () => {
    for (const step of [1, 2]) {
      await interleaver.turn()
      taken.push(`${interleaver.actor}${step}`)
    }
  }
  let next = 0
  const actors = ['a', 'b'].map((actor) => ({ actor, work }))
  await interleaver.run(actors, (of) => (choices[next++] ?? 0) % of)
  return taken.join(' ')
}

test('the choices decide whose step is next, and the same choices give the same order', async () => {
  // The first choice of each process starts it.
  expect(await orderOf([0, 0, 0, 0, 0, 0])).toBe('a1 b1 a2 b2')
  expect(await orderOf([0, 1, 1, 1, 0, 0])).toBe('a1 a2 b1 b2')
  expect(await orderOf([0, 0, 1, 1, 0, 0])).toBe('b1 b2 a1 a2')
  expect(await orderOf([1, 1, 1, 1, 0, 0])).toBe(await orderOf([1, 1, 1, 1, 0, 0]))
})

test('concurrent steps of one process run one by one, and a failure affects only its own process', async () => {
  const interleaver = new Interleaver<string>()
  const taken: string[] = []
  const step = async (name: string) => {
    await interleaver.turn()
    taken.push(name)
  }
  const [of, other] = await interleaver.run(
    [
      { actor: 'a', work: async () => void (await Promise.all([step('a1'), step('a2')])) },
      {
        actor: 'b',
        work: async () => {
          await step('b1')
          throw new Error('died')
        },
      },
    ],
    (waiting) => waiting - 1,
  )
  expect(of).toBeUndefined()
  expect(other).toMatchObject({ message: 'died' })
  expect(taken.toSorted()).toEqual(['a1', 'a2', 'b1'])
})
