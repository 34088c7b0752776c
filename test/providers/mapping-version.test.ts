import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PROVIDER_IDS, providerById } from '../../src/providers/registry.ts'
import { goldenReadings } from './golden.ts'

/**
 * I5: a reading that changes without its version would be taken for a duplicate of the old one and never come right. So the
 * readings of all golden callbacks are written down beside them, by version.
 *
 * After a deliberate change raise `mappingVersion` of the provider, then run with `UPDATE_READINGS=1`. New golden callbacks
 * are written down without a new version.
 */

interface Readings {
  readonly mappingVersion: number
  /** Digest of the events and dead letters of each golden callback. */
  readonly callbacks: Readonly<Record<string, string>>
}

describe.each(PROVIDER_IDS)('%s', (id) => {
  const provider = providerById(id)
  const folder = join(import.meta.dirname, id)
  const file = join(folder, 'readings.json')
  const now = Object.fromEntries(
    goldenReadings(id, join(folder, 'fixtures')).map(([name, reading]) => [name, digestOf(reading)]),
  )
  const written: Readings = existsSync(file)
    ? JSON.parse(readFileSync(file, 'utf8'))
    : { mappingVersion: 0, callbacks: {} }
  const otherwise = Object.keys(written.callbacks).filter((name) => now[name] !== written.callbacks[name])

  test('reads its golden callbacks as its mapping version did, or has a new version', () => {
    if (provider?.mappingVersion === written.mappingVersion) {
      expect(otherwise, 'read otherwise: raise mappingVersion').toEqual([])
    }
  })

  test('has its readings written down: UPDATE_READINGS=1 does it', () => {
    const mappingVersion = provider?.mappingVersion
    if (
      process.env['UPDATE_READINGS'] === '1' &&
      (mappingVersion !== written.mappingVersion || otherwise.length === 0)
    ) {
      writeFileSync(file, `${JSON.stringify({ mappingVersion, callbacks: now }, null, 2)}\n`)
    } else {
      expect(written).toEqual({ mappingVersion, callbacks: now })
    }
  })
})

function digestOf(reading: unknown): string {
  return createHash('sha256').update(JSON.stringify(reading)).digest('hex').slice(0, 16)
}
