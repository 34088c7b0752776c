import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PROVIDER_IDS, providerById } from '../../src/providers/registry.ts'
import { goldenReadings } from './golden.ts'

/**
 * I5: if a reading changed without a new version, it would count as a duplicate of the old one and never be corrected. So
 * the readings of all golden callbacks are recorded in `readings.json`, with the version.
 *
 * After a deliberate change, increase `mappingVersion` of the provider and run with `UPDATE_READINGS=1`. Readings of new
 * golden callbacks are recorded without a new version.
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

  test('reads its golden callbacks as recorded for its mapping version, or has a new version', () => {
    if (provider?.mappingVersion === written.mappingVersion) {
      expect(otherwise, 'read differently: increase mappingVersion').toEqual([])
    }
  })

  test('has recorded all readings (UPDATE_READINGS=1 records them)', () => {
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
