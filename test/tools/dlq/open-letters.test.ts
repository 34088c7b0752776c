import { beforeEach, expect, test } from 'vitest'
import { readLetter, readLettersAt, readOpenLetters } from '../../../src/tools/dlq/open-letters.ts'
import { CODECS } from '../../processor/status-world.ts'
import { PARTITIONS, TOPICS } from '../verify/memory-installation.ts'
import { DeadLetterWorld, element, v1Body } from './dead-letter-world.ts'

let world: DeadLetterWorld

beforeEach(() => {
  world = new DeadLetterWorld()
})

function ports() {
  const { reader, logs } = world.installation.kafka
  return { reader, logs, codecs: CODECS, topics: TOPICS, partitions: PARTITIONS }
}

test('an interrupted reading rejects, and goes no further', async () => {
  for (let count = 0; count < 20; count += 1) {
    world.callbackLetter('unknown-source', v1Body([element(`p${count}`)]))
  }
  const interrupted = new AbortController()
  let seen = 0
  const reading = readOpenLetters(
    ports(),
    {},
    (letters) => {
      seen += letters.length
      interrupted.abort(new Error('interrupted'))
    },
    interrupted.signal,
  )
  await expect(reading).rejects.toThrow('interrupted')
  expect(seen).toBeLessThanOrEqual(2)
})

test('a recreated topic does not inherit the decisions about the one before', async () => {
  const place = world.callbackLetter('unknown-source', v1Body([element('a')]))
  await world.redrive()
  expect(await world.reasons()).toEqual([])
  world.installation.kafka.recreate(TOPICS.rawDeadLetters)
  const again = world.callbackLetter('unknown-source', v1Body([element('a')]))
  expect(again).toEqual(place)
  expect(await world.reasons()).toEqual(['unknown-source'])
})

test('single dead letters are found by their places; for others it is said why not', async () => {
  const [first, second] = ['a', 'b'].map((id) => world.callbackLetter('unknown-source', v1Body([element(id)])))
  if (first === undefined || second === undefined) {
    throw new TypeError('there are two')
  }
  const nowhere = { ...first, offset: 4_711n }
  const found: unknown[] = []
  const absent: unknown[] = []
  const read = () =>
    readLettersAt(
      ports(),
      [first, second, nowhere, { ...first, partition: 99 }],
      (letters) => {
        found.push(...letters.map(({ letter }) => letter.place))
      },
      (place, why) => absent.push([place, why]),
    )
  await read()
  expect(found).toEqual(expect.arrayContaining([first, second]))
  expect(absent).toEqual([
    [nowhere, 'no dead letter'],
    [{ ...first, partition: 99 }, 'no dead letter'],
  ])
  await world.redrive()
  absent.length = 0
  await read()
  expect(found).toHaveLength(2)
  expect(absent).toEqual(expect.arrayContaining([[first, 'already resolved']]))
})

test('one dead letter is read with the last decision about it', async () => {
  const place = world.callbackLetter('unknown-source', '{"callbacks":[')
  expect(await readLetter(ports(), place)).toMatchObject({ decided: null })
  await world.redrive()
  expect(await readLetter(ports(), place)).toMatchObject({
    letter: { place, reason: 'unknown-source', source: 'jpm-global-payments-v1' },
    decided: { how: 'stays', by: 'operator', newReason: 'invalid-json' },
  })
  expect(await readLetter(ports(), { ...place, offset: 4_711n })).toBeNull()
})
