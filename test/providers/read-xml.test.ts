import { describe, expect, test } from 'vitest'
import { readXml, XML_CHARACTERS_MAX, XML_DEPTH_MAX } from '../../src/providers/read-xml.ts'

const read = (text: string | Buffer) => readXml(Buffer.from(text as string))
const fieldsOf = (text: string) => {
  const result = read(text)
  return result.outcome === 'fields' ? result.fields.map(({ name, value }) => [name, value]) : result.deadLetter
}

test.each([
  ['<a><b>1</b></a>', [['b', '1']]],
  ['\ufeff<?xml version="1.0" encoding="utf-16"?>\n<a>\n  <b>1</b>\n</a>\n', [['b', '1']]],
  [
    '<a><b>1</b><b>2</b></a>',
    [
      ['b', '1'],
      ['b', '2'],
    ],
  ],
  [
    '<a><b/><c></c><d> </d></a>',
    [
      ['b', ''],
      ['c', ''],
      ['d', ''],
    ],
  ],
  ['<x:a xmlns:x="u"><x:b y="1">1</x:b></x:a>', [['b', '1']]],
  [
    '<a><b>007</b><c>1e5</c><d>true</d><e>0x1F</e></a>',
    [
      ['b', '007'],
      ['c', '1e5'],
      ['d', 'true'],
      ['e', '0x1F'],
    ],
  ],
  ['<a><b>&amp;&lt;&gt;&quot;&apos;&#65;&#x42;&#128512;</b></a>', [['b', '&<>"\'AB😀']]],
  ['<a><b>&amp;amp;</b></a>', [['b', '&amp;']]],
  ['<a><b><![CDATA[1 < 2 &amp;]]></b></a>', [['b', '1 < 2 &amp;']]],
  ['<a><b>1<![CDATA[2]]>3</b></a>', [['b', '123']]],
  ['<a><b>1<!-- c -->2</b></a>', [['b', '12']]],
  ['<!-- c --><a><?p i?><b>1</b></a>', [['b', '1']]],
  ['<a><b><c>1</c></b></a>', [['b', null]]],
  ['<a><b>1<c/></b></a>', [['b', null]]],
  ['<a>text<b>1</b></a>', [['b', '1']]],
  ['<a><![CDATA[text]]><b>1</b></a>', [['b', '1']]],
  ['<a><b><![CDATA[<!DOCTYPE x>]]></b></a>', [['b', '<!DOCTYPE x>']]],
  ['<a><!-- <!DOCTYPE x> --><?p <!ENTITY x "y"> ?><b>1</b></a>', [['b', '1']]],
  ['<text><cdata>1</cdata></text>', [['cdata', '1']]],
  ['<a><b>&#1114111;&#x10FFFF;</b></a>', [['b', '\u{10ffff}\u{10ffff}']]],
])('%s', (text, fields) => {
  expect(fieldsOf(text)).toEqual(fields)
})

test.each(['toString', 'constructor', 'prototype', '__proto__', 'hasOwnProperty', 'valueOf', '__defineGetter__'])(
  'the name %s has no special meaning',
  (name) => {
    expect(fieldsOf(`<a><${name}>1</${name}><${name}/><x:${name}>2</x:${name}><b><${name}/></b></a>`)).toEqual([
      [name, '1'],
      [name, ''],
      [name, '2'],
      ['b', null],
    ])
    expect(fieldsOf(`<${name}><b>1</b></${name}>`)).toEqual([['b', '1']])
  },
)

describe('a body that becomes a dead letter without a quote from it', () => {
  test.each([
    ['<!DOCTYPE a><a><b>1</b></a>', 'document type'],
    ['<?xml version="1.0"?><!doctype a SYSTEM "http://127.0.0.1/"><a><b>1</b></a>', 'document type'],
    ['<!DOCTYPE a [<!ENTITY x "SECRET"><!ENTITY y "&x;&x;">]><a><b>&y;</b></a>', 'document type'],
    ['<a><!ENTITY x "SECRET"><b>1</b></a>', 'document type'],
    ['<a><!ELEMENT b ANY><b>1</b></a>', 'document type'],
    ['<!-- --><!\u0000DOCTYPE a><a><b>1</b></a>', 'document type'],
    ['<a><b>&SECRET;</b></a>', 'entity'],
    ['<a><b>&nbsp;</b></a>', 'entity'],
    ['<a><b>a & b</b></a>', 'not valid XML'],
    ['<a><b>&#1114112;</b></a>', 'entity'],
    ['<a><b>1&#x110000;2</b></a>', 'entity'],
    ['<a><b>&SECRET;1&amp;</b></a>', 'entity'],
    ['<a><b>SECRET', 'not valid XML'],
    ['<a><b>SECRET</a></b>', 'not valid XML'],
    ['<a></a><b></b>', 'not valid XML'],
    ['<a><b>1</b></a>SECRET', 'not valid XML'],
    ['SECRET', 'not valid XML'],
    [`${'<a>'.repeat(XML_DEPTH_MAX + 1)}SECRET${'</a>'.repeat(XML_DEPTH_MAX + 1)}`, 'nested more than 8 deep'],
    ['<a><!-- --><b><![CDATA[]]></b><!DOCTYPE x></a>', 'document type'],
    ['<a><?p <!-- ?><!DOCTYPE x><b>1</b><?p --> ?></a>', 'document type'],
    ['<a><b>1</b><!-- <!DOCTYPE x>', 'not valid XML'],
    ['<a c="<!--"><!DOCTYPE a [<!ENTITY x "SECRET">]><b c="-->">&x;</b></a>', 'entity'],
    [`<a><b>${'x'.repeat(XML_CHARACTERS_MAX)}</b></a>`, 'longer than'],
  ])('%.60s', (text, message) => {
    const deadLetter = fieldsOf(text)
    expect(deadLetter).toMatchObject({ reason: 'invalid-xml', element: null })
    expect(JSON.stringify(deadLetter)).toContain(message)
    expect(JSON.stringify(deadLetter)).not.toContain('SECRET')
  })

  test.each([
    ['', 'empty-body', 'the body is empty'],
    [' \n', 'empty-body', 'the body is blank'],
    ['<a/>', 'unexpected-shape', 'the root element has no elements'],
    ['<a>SECRET</a>', 'unexpected-shape', 'the root element has no elements'],
    ['<a><![CDATA[SECRET]]></a>', 'unexpected-shape', 'the root element has no elements'],
  ])('%j is %s', (text, reason, message) => {
    expect(fieldsOf(text)).toEqual({ reason, message, element: null })
  })

  test('UTF-16 that ends within a character', () => {
    expect(read(Buffer.from('\ufeff<a/>', 'utf16le').subarray(0, -1))).toMatchObject({
      deadLetter: {
        reason: 'invalid-xml',
        message: 'the body is not valid XML',
      },
    })
  })
})

test('bytes that are not UTF-8 are decoded by a guess, unless the declaration or the caller names the character set', () => {
  const bytes = (start: string) => Buffer.from(`${start}<a><b>\x8a</b></a>`, 'latin1')
  const readIn = (body: Buffer, charset?: 'windows-1252') => {
    const result = readXml(body, charset)
    return result.outcome === 'fields' ? [result.fields[0]?.value, result.guessed] : result.deadLetter
  }
  expect(readIn(bytes(''))).toEqual(['Š', true])
  expect(readIn(bytes(''), 'windows-1252')).toEqual(['Š', false])
  expect(readIn(bytes('<?xml version="1.0" encoding="windows-1252"?>'))).toEqual(['Š', false])
  expect(readIn(bytes("<?xml version='1.0' encoding='ISO-8859-1'?>"))).toEqual(['\x8a', false])
  expect(readIn(bytes('<?xml version="1.0" encoding="utf-8"?>'))).toEqual(['Š', true])
  // The caller takes precedence over the document.
  expect(readIn(bytes('<?xml version="1.0" encoding="ISO-8859-1"?>'), 'windows-1252')).toEqual(['Š', false])
})

test('a document at the depth limit is read', () => {
  const inner = XML_DEPTH_MAX - 1
  expect(fieldsOf(`<a>${'<b>'.repeat(inner)}1${'</b>'.repeat(inner)}</a>`)).toEqual([['b', null]])
})
