import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../../src/tools/simulate/random.ts'
import type { Injected } from './fault.ts'

/** Repeats an action at intervals chosen by the seed until it is healed. */
export function repeatedly(random: Random, what: string, action: () => Promise<void> | void): Injected {
  const healed = new AbortController()
  const done = (async () => {
    while (!healed.signal.aborted) {
      await action()
      await delay(random.integer(100, 1_000), undefined, { signal: healed.signal }).catch(() => {})
    }
  })()
  return {
    what: `${what} repeatedly`,
    heal: () => {
      healed.abort()
      return done
    },
  }
}
