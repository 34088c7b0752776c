import { expect, test } from 'vitest'
import type { Provider } from '../../../src/providers/provider.ts'
import { providerById } from '../../../src/providers/registry.ts'
import { foldFiles } from '../../../src/tools/fold-files.ts'
import { createRandom } from '../../../src/tools/simulate/random.ts'
import { translateFiles } from '../../../src/tools/translate-files.ts'
import { callbackOf } from '../../providers/callback-of.ts'
import { contradictions, growth } from './v1-callbacks.ts'

/** The callbacks do what their faults are for. */

function folded(bodies: readonly object[]) {
  const files = bodies.map((body, index) => ({
    file: String(index),
    callback: callbackOf(body, { receivedAt: Date.now() }),
  }))
  return foldFiles(translateFiles(providerById('jpm-global-payments-v1') as Provider, files))
}

test('contradictions give a payment with contradictory statuses, and one good event among bad elements', () => {
  const { states, deadLetters } = folded(contradictions(createRandom(1, 'v1')))
  expect(states.map(({ attention, events }) => [attention, events.length])).toEqual([
    [['positive-after-final'], 5],
    [[], 1],
  ])
  expect(new Set(deadLetters.map(({ reason }) => reason))).toEqual(new Set(['element-not-an-object']))
})

test('growth gives a payment that leaves events out (I10)', () => {
  const { states, deadLetters } = folded(growth(createRandom(1, 'v1')))
  expect(states.map(({ status }) => status)).toEqual(['RETURNED'])
  expect(new Set(deadLetters.map(({ reason }) => reason))).toEqual(new Set(['history-full']))
})
