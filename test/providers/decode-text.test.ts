import { describe, expect, test } from 'vitest'
import { charsetOf, charsetOfXml, decodeBytes, decodeText, toUtf8 } from '../../src/providers/decode-text.ts'
import { toContentTypeHeader } from '../../src/raw/media-type.ts'

const BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

describe('the character set of a content type', () => {
  test.each([
    ['application/json; charset=iso-8859-1', 'iso-8859-1'],
    ['application/json;charset=ISO-8859-1', 'iso-8859-1'],
    ['application/json; charset="iso-8859-1"', 'iso-8859-1'],
    ['application/json; charset=ISO_8859-1; boundary=x', 'iso-8859-1'],
    ['application/json; charset=iso8859-1', 'iso-8859-1'],
    ['text/xml; x=y; charset=latin1', 'iso-8859-1'],
    ['text/xml; charset=Latin-1', 'iso-8859-1'],
    ['application/x-www-form-urlencoded; charset=windows-1252', 'windows-1252'],
    ['application/json; charset="Windows-1252"', 'windows-1252'],
    ['application/json; charset=utf-8', null],
    ['application/json; charset=us-ascii', null],
    ['application/json; charset=iso-8859-15', null],
    ['application/json; charset=iso-8859-1x', null],
    ['application/json; charset=windows-1251', null],
    ['application/json; xcharset=iso-8859-1', null],
    ['charset=iso-8859-1', null],
    ['application/json', null],
    ['', null],
  ])('%s: %s, also in the form that the gateway keeps', (contentType, charset) => {
    expect(charsetOf(contentType)).toBe(charset)
    expect(charsetOf(toContentTypeHeader(contentType))).toBe(charset)
  })
})

test.each([
  ['<?xml version="1.0" encoding="ISO-8859-1"?><a/>', 'iso-8859-1'],
  ["\n <?xml version='1.0'  encoding = 'windows-1252' standalone='yes'?>", 'windows-1252'],
  ['<?XML VERSION="1.0" ENCODING="latin1"?>', 'iso-8859-1'],
  ['<?xml version="1.0" encoding="utf-16"?>', null],
  ['<?xml version="1.0"?><a encoding="iso-8859-1"/>', null],
  ['<a><?xml version="1.0" encoding="iso-8859-1"?></a>', null],
  [`<?xml version="1.0"${' '.repeat(300)}encoding="iso-8859-1"?>`, null],
  ['<a/>', null],
  ['', null],
])('an XML declaration: %s names %s', (text, charset) => {
  expect(charsetOfXml(Buffer.from(text))).toBe(charset)
})

describe('a body', () => {
  test('that is valid UTF-8 is read as UTF-8, whatever is declared', () => {
    for (const charset of [null, 'iso-8859-1', 'windows-1252'] as const) {
      expect(decodeText(Buffer.from('añ€'), charset)).toEqual({ text: 'añ€', guessed: false })
      expect(decodeText(Buffer.from('\ufeffa\ufeff'), charset)).toEqual({ text: 'a\ufeff', guessed: false })
    }
    expect(decodeText(Buffer.alloc(0), null)).toEqual({ text: '', guessed: false })
  })

  test('that is not UTF-8 is read as declared, or by a guess', () => {
    const body = Buffer.from('a\xf1\x80', 'latin1')
    expect(decodeText(body, 'windows-1252')).toEqual({ text: 'añ€', guessed: false })
    expect(decodeText(body, 'iso-8859-1')).toEqual({ text: 'añ\x80', guessed: false })
    expect(decodeText(body, null)).toEqual({ text: 'añ€', guessed: true })
  })

  test('in UTF-16 is recognized by its byte order mark', () => {
    const little = Buffer.from('\ufeffañ€', 'utf16le')
    const big = Buffer.from(little).swap16()
    for (const body of [little, big]) {
      expect(decodeText(body, 'windows-1252')).toEqual({ text: 'añ€', guessed: false })
      expect(toUtf8(body, null)).toEqual(Buffer.from('añ€'))
      expect(decodeText(body.subarray(0, -1), null)).toEqual({ text: 'añ\ufffd', guessed: true })
      expect(toUtf8(body.subarray(0, -1), null)).toEqual(body.subarray(0, -1))
    }
    expect(decodeText(Buffer.from([0xfe, 0x61]), null)).toEqual({ text: 'þa', guessed: true })
    expect(decodeText(Buffer.from([0xff, 0x61]), null)).toEqual({ text: 'ÿa', guessed: true })
  })

  test.each(['{"a":"ñ"}', '["ñ"]', '<a>ñ</a>'])(
    'in UTF-16 without a byte order mark is recognized by its zero bytes: %s',
    (text) => {
      const little = Buffer.from(text, 'utf16le')
      for (const body of [little, Buffer.from(little).swap16()]) {
        expect(decodeText(body, 'windows-1252')).toEqual({ text, guessed: false })
        expect(toUtf8(body, null)).toEqual(Buffer.from(text))
      }
      expect(decodeText(Buffer.from(text.slice(0, 1)), null)).toEqual({ text: text.slice(0, 1), guessed: false })
    },
  )

  test('in UTF-16 with a lone surrogate is a guess, so that nothing replaced is published', () => {
    for (const start of ['\ufeff', '']) {
      const body = Buffer.from(`${start}{\ud83d}`, 'utf16le')
      expect(decodeText(body, 'windows-1252')).toEqual({ text: '{\ufffd}', guessed: true })
      expect(toUtf8(body, null)).toBe(body)
    }
  })

  test('with a byte order mark that is not valid UTF-8 is a guess without the mark, whatever is declared', () => {
    const body = Buffer.from('\xef\xbb\xbfa\xf1', 'latin1')
    for (const charset of [null, 'iso-8859-1', 'windows-1252'] as const) {
      expect(decodeText(body, charset)).toEqual({ text: 'añ', guessed: true })
    }
  })

  test('is re-encoded as UTF-8 only if its character set is known', () => {
    const body = Buffer.from('\xf1', 'latin1')
    expect(toUtf8(body, 'iso-8859-1')).toEqual(Buffer.from('ñ'))
    expect(toUtf8(body, null)).toBe(body)
    expect(toUtf8(BYTES.subarray(0, 128), 'iso-8859-1')).toEqual(BYTES.subarray(0, 128))
  })
})

test('every byte maps to the character that the standard defines', () => {
  expect(decodeBytes(BYTES, 'windows-1252')).toBe(new TextDecoder('windows-1252').decode(BYTES))
  expect(decodeBytes(BYTES, null)).toBe(decodeBytes(BYTES, 'windows-1252'))
  expect(decodeBytes(BYTES, 'iso-8859-1')).toBe(String.fromCharCode(...BYTES))
})
