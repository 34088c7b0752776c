import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ClientCertificateFormat } from '../../../src/config/gateway-access.ts'
import { certificateHeaders, certificatesOf } from '../../../src/gateway/access/client-certificate-header.ts'
import { runs } from '../../runs.ts'

const HEADER = 'x-client-cert'

/** Only the framing is read here, so any bytes serve as a certificate. */
const [own, ca, victim] = ['the own certificate', 'its CA', 'the certificate of a victim'].map((text) =>
  Buffer.from(text.padEnd(60, '.')),
) as [Buffer, Buffer, Buffer]

function pem(...ders: readonly Buffer[]): string {
  const blocks = ders.map(
    (der) => `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`,
  )
  return encodeURIComponent(blocks.join(''))
}

function sequence(der: Buffer): string {
  return `:${der.toString('base64')}:`
}

function read(format: ClientCertificateFormat, value: string, chain?: string): readonly Buffer[] | null {
  const headers = { [HEADER]: value, ...(chain !== undefined && { [`${HEADER}-chain`]: chain }) }
  return certificatesOf(headers, certificateHeaders({ header: HEADER, format }), format)
}

const PIECES = ['Chain="', 'Cert="', 'Q=', '"', '""', '\\', '\\"', '=', ';', ',', ' ', 'a', 'Hash=0', ':', '-----']
/** What a caller may write before the proxy adds to it. */
const BEFORE = fc
  .array(
    fc.oneof(
      fc.constantFrom(...PIECES, pem(victim), pem(victim, ca), `Chain="${pem(victim)}";Q="`, sequence(victim)),
      fc.string({ maxLength: 5 }),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(''))
/** Node.js joins repeated header lines with a space. */
const JOINED_BY = fc.constantFrom(',', ', ')

/** What a proxy writes of its own: at least one of the two certificate fields; the text of a subject is the caller's choice. */
const OWN_ELEMENT = fc
  .record({
    certificate: fc.constantFrom(
      [`Cert="${pem(own)}"`],
      [`Cert="${pem(own)}"`, `Chain="${pem(own, ca)}"`],
      [`Chain="${pem(own, ca)}"`],
    ),
    subject: fc
      .oneof(fc.string({ maxLength: 20 }), BEFORE)
      .map((text) => `Subject="${text.replace(/[\\"]/g, '\\$&')}"`),
    subjectFirst: fc.boolean(),
  })
  .map(({ certificate, subject, subjectFirst }) =>
    ['By=spiffe://x', 'Hash=0', ...(subjectFirst ? [subject, ...certificate] : [...certificate, subject])].join(';'),
  )

test('a proxy that appends its element to any text passes on its own certificate, or none', () => {
  fc.assert(
    fc.property(BEFORE, JOINED_BY, OWN_ELEMENT, (before, by, element) => {
      expect([own, undefined]).toContainEqual(read('xfcc', before + by + element)?.[0])
    }),
    runs(20_000),
  )
})

test('the last of several well-formed elements is read', () => {
  const elements = fc.array(
    OWN_ELEMENT.map((element) => element.replaceAll(pem(own), pem(victim))),
    { maxLength: 3 },
  )
  fc.assert(
    fc.property(elements, JOINED_BY, OWN_ELEMENT, (before, by, element) => {
      expect(read('xfcc', [...before, element].join(by))?.[0]).toEqual(own)
    }),
    runs(1_000),
  )
})

test.each([
  ['a repeated certificate', `Cert="${pem(own)}";Cert="${pem(own)}"`],
  ['a repeated chain', `Chain="${pem(own, ca)}";chain="${pem(victim)}"`],
  ['a chain of another certificate', `Cert="${pem(own)}";URI=x;Chain="${pem(victim)}"`],
  ['a quote that does not end', `Cert="${pem(own)}`],
  ['a quote within a text', `By=a"b";Cert="${pem(own)}"`],
  ['text after a quote', `Cert="${pem(own)}"x`],
  ['a field without a name', `="a";Cert="${pem(own)}"`],
  ['a separator at the end', `Cert="${pem(own)}",`],
])('an element with %s is refused', (_what, value) => {
  expect(read('xfcc', value)).toBeNull()
})

test('a value of any kind is read in time that grows with its length', () => {
  const long = (piece: string) => piece.repeat(100_000 / piece.length)
  for (const piece of [' ', '"', '\\"', 'a', 'a=', 'a= ', 'a=;', '";', ',']) {
    for (const value of [long(piece), `a="${long(piece)}`, `a=${long(piece)}"`]) {
      const begun = performance.now()
      read('xfcc', value)
      expect(performance.now() - begun).toBeLessThan(1_000)
    }
  }
})

test.each<[format: 'pem' | 'rfc9440', write: (der: Buffer) => string]>([
  ['pem', pem],
  ['rfc9440', sequence],
])('as %s, a value to which somebody else added is refused', (format, write) => {
  expect(read(format, write(own))).toEqual([own])
  fc.assert(
    fc.property(BEFORE, JOINED_BY, (before, by) => {
      expect(read(format, before + by + write(own))).toBeNull()
      expect(read(format, write(own) + by + before)).toBeNull()
    }),
    runs(1_000),
  )
})

test('a second header of rfc9440 without the first is refused', () => {
  expect(read('rfc9440', '', sequence(victim))).toBeNull()
  expect(read('rfc9440', `${sequence(own)}, ${sequence(own)}`, sequence(victim))).toBeNull()
})

test('a chain is read as pem, and from the second header of rfc9440', () => {
  expect(read('pem', pem(own, ca))).toEqual([own, ca])
  expect(read('rfc9440', sequence(own), `${sequence(ca)}, ${sequence(victim)}`)).toEqual([own, ca, victim])
})
