import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, extname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { providerById } from '../../src/providers/registry.ts'
import { callbackOf } from './callback-of.ts'
import { foldAll, permutationsOf } from './fold-all.ts'

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.json': 'application/json',
  '.form': 'application/x-www-form-urlencoded',
  '.xml': 'application/xml',
}

/**
 * One test per golden callback: `<case>.json` (or `.form`, `.xml`) is the body, `<case>.expected.json` what it must
 * give. After a deliberate change run with `UPDATE_FIXTURES=1` and read the difference line by line.
 *
 * Under `flows/` is one folder per documented story of a payment: its callbacks in the provider's order, and in
 * `expected.json`, written by hand, what they mean together. They must mean that in every order.
 */
export function testGoldenCallbacks(provider: Provider, folder: string): void {
  test.each(callbackFiles(folder).map((path) => [basename(path), path]))(
    '%s gives the expected events',
    (_name, path) => {
      const callback = callbackOfFile(path)
      const translation = provider.translate(callback)
      const expectedPath = path.replace(/\.[a-z]+$/, '.expected.json')
      if (process.env['UPDATE_FIXTURES'] === '1') {
        writeFileSync(expectedPath, `${JSON.stringify(translation, null, 2)}\n`)
      }
      expect(translation).toEqual(JSON.parse(readFileSync(expectedPath, 'utf8')))
      const first = translation.events.find((event) => event.element === 0)
      if (first !== undefined) {
        // In XML it is only found in its usual spelling.
        const found = extname(path) === '.xml' ? [first.paymentKey, null] : [first.paymentKey]
        expect(found).toContain(provider.firstPaymentKey(callback))
      }
    },
  )

  const flows = join(folder, 'flows')
  test.each(readdirSync(flows))('flow %s, in every order', (flow) => {
    const callbacks = callbackFiles(join(flows, flow)).map(callbackOfFile)
    const translations = callbacks.map((callback) => provider.translate(callback))
    expect(translations.flatMap(({ deadLetters, drift }) => [...deadLetters, ...drift])).toEqual([])
    const expected: unknown = JSON.parse(readFileSync(join(flows, flow, 'expected.json'), 'utf8'))
    for (const order of permutationsOf(translations)) {
      const states = foldAll(order.flatMap(({ events }) => events))
      expect(
        states.map(({ paymentKey, status, kind, relatesTo, attention }) => ({
          paymentKey,
          status,
          kind,
          relatesTo,
          attention,
        })),
      ).toEqual(expected)
    }
  })
}

/** The events of all golden callbacks, flows left out. */
export function goldenEvents(provider: Provider, folder: string): readonly PaymentEvent[] {
  return callbackFiles(folder).flatMap((path) => provider.translate(callbackOfFile(path)).events)
}

/** What every golden callback says by the mapping of now, by its name; without the version, and without the texts for people. */
export function goldenReadings(id: string, folder: string): readonly (readonly [name: string, reading: unknown])[] {
  const provider = providerById(id)
  const flows = join(folder, 'flows')
  const files = [folder, ...readdirSync(flows).map((flow) => join(flows, flow))].flatMap(callbackFiles)
  return files.map((path) => {
    const { events, deadLetters, setAside } = (provider as Provider).translate(callbackOfFile(path))
    const says = events.map(({ mappingVersion: _, ...event }) => event)
    return [
      relative(folder, path),
      { says, refuses: deadLetters.map(({ reason, element }) => [reason, element]), setAside },
    ]
  })
}

/** The bodies of all golden callbacks with their content types, those of the flows included. */
export function goldenBodies(folder: string): readonly { readonly body: Buffer; readonly contentType: string }[] {
  const flows = join(folder, 'flows')
  const folders = [folder, ...readdirSync(flows).map((flow) => join(flows, flow))]
  return folders.flatMap(callbackFiles).map(callbackOfFile)
}

function callbackFiles(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => extname(name) in CONTENT_TYPES && !/(^|\.)expected\.json$/.test(name))
    .sort()
    .map((name) => join(folder, name))
}

function callbackOfFile(path: string) {
  return callbackOf(readFileSync(path), { contentType: CONTENT_TYPES[extname(path)] ?? '' })
}
