import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Provider } from '../../src/providers/provider.ts'
import { callbackOf } from './callback-of.ts'

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.json': 'application/json',
  '.form': 'application/x-www-form-urlencoded',
  '.xml': 'application/xml',
}

/**
 * One test per golden callback: `<case>.json` (or `.form`, `.xml`) is the body, `<case>.expected.json` what it must
 * give. After a deliberate change run with `UPDATE_FIXTURES=1` and read the difference line by line.
 */
export function testGoldenCallbacks(provider: Provider, folder: string): void {
  const names = readdirSync(folder).filter((name) => !name.endsWith('.expected.json'))
  test.each(names)('%s gives the expected events', (name) => {
    const { base, extension } = splitName(name)
    const callback = callbackOf(readFileSync(join(folder, name)), { contentType: CONTENT_TYPES[extension] ?? '' })
    const translation = provider.translate(callback)
    const expectedPath = join(folder, `${base}.expected.json`)
    if (process.env['UPDATE_FIXTURES'] === '1') {
      writeFileSync(expectedPath, `${JSON.stringify(translation, null, 2)}\n`)
    }
    expect(translation).toEqual(JSON.parse(readFileSync(expectedPath, 'utf8')))
    const first = translation.events.find((event) => event.element === 0)
    if (first !== undefined) {
      expect(provider.firstPaymentKey(callback)).toBe(first.paymentKey)
    }
  })
}

function splitName(name: string): { base: string; extension: string } {
  const dot = name.lastIndexOf('.')
  return { base: name.slice(0, dot), extension: name.slice(dot) }
}
