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
 * One test per golden callback: `<case>.json` (or `.form`, `.xml`) is the body, `<case>.expected.json` the expected
 * translation. After a deliberate change, run with `UPDATE_FIXTURES=1` and review the diff line by line.
 *
 * `flows/` has one folder per documented sequence of callbacks of a payment: the callbacks in the provider's order, and the
 * expected result in a handwritten `expected.json`. Every order must give the same result.
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
        // In XML, the key is found only in the usual spelling of the tag.
        const found = extname(path) === '.xml' ? [first.paymentKey, null] : [first.paymentKey]
        expect(found).toContain(provider.firstPaymentKey(callback))
      }
    },
  )

  const flows = join(folder, 'flows')
  test.each(readdirSync(flows))('flow %s gives the expected state in every order', (flow) => {
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

/** The events of all golden callbacks, without flows. */
export function goldenEvents(provider: Provider, folder: string): readonly PaymentEvent[] {
  return callbackFiles(folder).flatMap((path) => provider.translate(callbackOfFile(path)).events)
}

/** The current reading of each golden callback, by its path; without the mapping version (and `withdrawn`, which no callback is) and without the messages of dead letters. */
export function goldenReadings(id: string, folder: string): readonly (readonly [name: string, reading: unknown])[] {
  const provider = providerById(id)
  const flows = join(folder, 'flows')
  const files = [folder, ...readdirSync(flows).map((flow) => join(flows, flow))].flatMap(callbackFiles)
  return files.map((path) => {
    const { events, deadLetters, setAside } = (provider as Provider).translate(callbackOfFile(path))
    const says = events.map(({ mappingVersion: _, withdrawn: __, ...event }) => event)
    return [
      relative(folder, path),
      { says, refuses: deadLetters.map(({ reason, element }) => [reason, element]), setAside },
    ]
  })
}

/** The bodies of all golden callbacks, including flows, with their content types. */
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
