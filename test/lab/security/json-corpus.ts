/** A body, and what is unusual about it. */
export interface OddBody {
  readonly category: string
  readonly name: string
  readonly bytes: Buffer
}

/**
 * Bodies at the edges of RFC 8259, made from its grammar section by section: what parsers disagree about, what the RFC
 * forbids, and what it allows but few expect. All are different.
 */
export function jsonCorpus(bodyBytesMax: number): readonly OddBody[] {
  const bodies = new Map<string, OddBody>()
  const add = (category: string, name: string, ...parts: readonly (string | readonly number[])[]) => {
    const bytes = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))))
    // A body that is in two categories is kept once.
    bodies.set(bytes.toString('latin1'), { category, name, bytes })
  }
  whitespace(add)
  literals(add)
  numbers(add)
  strings(add)
  encodings(add)
  structures(add)
  names(add)
  extensions(add)
  sizes(add, bodyBytesMax)
  return [...bodies.values()]
}

type Add = (category: string, name: string, ...parts: readonly (string | readonly number[])[]) => void

/** Section 2: insignificant whitespace is four characters; others look similar. */
function whitespace(add: Add): void {
  add('whitespace', 'nothing at all', '')
  for (const [name, blank] of [
    ['space', ' '],
    ['tab', '\t'],
    ['line feed', '\n'],
    ['carriage return', '\r'],
    ['form feed', '\f'],
    ['vertical tab', '\v'],
    ['zero', '\0'],
    ['no-break space', '\u00a0'],
    ['line separator', '\u2028'],
    ['word joiner', '\u2060'],
    ['byte order mark', '\ufeff'],
  ] as const) {
    add('whitespace', `only ${name}`, blank)
    add('whitespace', `${name} before`, `${blank}{}`)
    add('whitespace', `${name} after`, `[]${blank}`)
    add('whitespace', `${name} within`, `[1${blank},${blank}2]`)
    add('whitespace', `many of ${name}`, `${blank.repeat(1_000)}{"a"${blank}:1}`)
  }
  add('whitespace', 'line ends of a file', '{\r\n}\r\n')
}

/** Section 3: three literal names, in lower case. */
function literals(add: Add): void {
  for (const literal of ['true', 'false', 'null']) {
    for (const spelled of [
      literal,
      literal.toUpperCase(),
      literal.slice(0, -1),
      `${literal}x`,
      `${literal}${literal}`,
    ]) {
      add('literals', `alone: ${spelled}`, spelled)
      add('literals', `in an array: ${spelled}`, `[${spelled}]`)
    }
  }
  for (const other of ['undefined', 'NaN', 'Infinity', '-Infinity', 'None', 'nil', 'True', 'nan', 'inf']) {
    add('literals', other, `{"status":${other}}`)
  }
}

/** Section 6: no leading zeros or plus, digits on both sides of a point, and no size limit. */
function numbers(add: Add): void {
  const right = [
    '0',
    '-0',
    '1',
    '-1',
    '1.0',
    '1e1',
    '1E+1',
    '1e-1',
    '0e0',
    '-0.0',
    '1.5e300',
    '123456789012345678901234567890',
  ]
  const wrong = [
    '+1',
    '01',
    '-01',
    '00',
    '.5',
    '5.',
    '-',
    '1e',
    '1e+',
    '1.e1',
    '1..2',
    '1.2.3',
    '0x10',
    '0b1',
    '0o7',
    '1_000',
    '1 000',
    '--1',
    '1-',
    'e1',
    '١',
    '１',
  ]
  const extreme = [
    '1e400',
    '-1e400',
    '1e-400',
    '0.1e99999999',
    '9007199254740993',
    '1'.repeat(5_000),
    `0.${'3'.repeat(5_000)}`,
    `1e${'9'.repeat(500)}`,
  ]
  for (const number of [...right, ...wrong, ...extreme]) {
    add('numbers', `alone: ${number.slice(0, 30)}`, number)
    add('numbers', `as an amount: ${number.slice(0, 30)}`, `{"amount":{"value":${number}}}`)
  }
}

/** Section 7: escapes, control characters, surrogates, and what ends a string. */
function strings(add: Add): void {
  for (const spelled of [
    '\\"',
    '\\\\',
    '\\/',
    '\\b',
    '\\f',
    '\\n',
    '\\r',
    '\\t',
    '\\u0000',
    '\\u0041',
    '\\u2028',
    '\\uFFFF',
    '\\ud834\\udd1e',
  ]) {
    add('strings', `escape ${spelled}`, `["${spelled}"]`)
  }
  for (const spelled of ['\\x41', '\\a', "\\'", '\\0', '\\u', '\\u12', '\\u{41}', '\\U0041', '\\ug000', '\\']) {
    add('strings', `no escape ${spelled}`, `["${spelled}"]`)
  }
  for (const lone of ['\\ud834', '\\udd1e', '\\udd1e\\ud834', '\\ud834x', '\\ud834\\ud834']) {
    add('strings', `surrogates ${lone}`, `{"id":"${lone}"}`)
  }
  for (let code = 0; code < 0x20; code += 1) {
    add('strings', `control character ${code}`, '["', [code], '"]')
  }
  add('strings', 'delete', '["', [0x7f], '"]')
  add('strings', 'in single quotes', "{'a':'b'}")
  add('strings', 'in typographic quotes', '[“a”]')
  add('strings', 'not ended', '["abc')
  add('strings', 'not ended after a backslash', '["abc\\')
  add('strings', 'two in a row', '["a" "b"]')
  add('strings', 'alone', '"payment"')
  add('strings', 'long', `["${'x'.repeat(100_000)}"]`)
  add('strings', 'long, of escapes', `["${'\\u0041'.repeat(20_000)}"]`)
}

/** Section 8: only UTF-8, without a byte order mark. */
function encodings(add: Add): void {
  for (const [name, bytes] of [
    ['a lone continuation byte', [0x80]],
    ['a cut sequence of two', [0xc3]],
    ['a cut sequence of three', [0xe2, 0x82]],
    ['a cut sequence of four', [0xf0, 0x9f, 0x98]],
    ['a slash spelled too long', [0xc0, 0xaf]],
    ['zero spelled too long', [0xc0, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond the last character', [0xf4, 0x90, 0x80, 0x80]],
    ['bytes that never occur', [0xfe, 0xff]],
    ['a non-character', [0xef, 0xbf, 0xbf]],
    ['Latin-1', [0xe9]],
  ] as const) {
    add('encodings', name, bytes)
    add('encodings', `${name} in a string`, '{"name":"', bytes, '"}')
    add('encodings', `${name} as a name`, '{"', bytes, '":1}')
    add('encodings', `${name} after the end`, '{}', bytes)
  }
  add('encodings', 'a byte order mark in front', [0xef, 0xbb, 0xbf], '{"a":1}')
  add('encodings', 'two byte order marks', [0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf], '{}')
  add('encodings', 'half a byte order mark', [0xef, 0xbb], '{}')
  const text = '{"status":"é"}'
  add('encodings', 'UTF-16 little endian', [0xff, 0xfe, ...Buffer.from(text, 'utf16le')])
  add('encodings', 'UTF-16 big endian', [0xfe, 0xff, ...Buffer.from(text, 'utf16le').swap16()])
  add('encodings', 'UTF-16 without a mark', [...Buffer.from(text, 'utf16le')])
  add(
    'encodings',
    'UTF-32',
    [...text].flatMap((letter) => [letter.codePointAt(0) ?? 0, 0, 0, 0]),
  )
  add('encodings', 'gzip without saying so', [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0xae, 5, 0])
  add(
    'encodings',
    'every byte there is',
    Array.from({ length: 256 }, (_, byte) => byte),
  )
  add(
    'encodings',
    'every byte there is, in a string',
    '["',
    Array.from({ length: 256 }, (_, byte) => byte),
    '"]',
  )
}

/** Sections 4 and 5: balanced brackets, with commas between elements. */
function structures(add: Add): void {
  const cut = '{"callbacks":[{"firmRootId":"a","paymentStatus":"COMPLETED","exceptions":[]}]}'
  for (let length = 1; length < cut.length; length += 3) {
    add('structures', `cut after ${length} bytes`, cut.slice(0, length))
  }
  for (const text of [
    '[',
    ']',
    '{',
    '}',
    '[}',
    '{]',
    '[[]',
    '[]]',
    '{}}',
    '{{}}',
    '[,]',
    '[,1]',
    '[1,]',
    '[1,,2]',
    '[1 2]',
    '{,}',
    '{"a":1,}',
    '{"a":1,,"b":2}',
    '{"a"}',
    '{"a":}',
    '{:1}',
    '{"a":1:2}',
    '{"a" 1}',
    '{"a",1}',
    '{1:1}',
    '{a:1}',
    '{null:1}',
    '{"a":1 "b":2}',
    '[]{}',
    '{}[]',
    '1 2',
    '{"a":1}{"a":2}',
    '{"a":1}\n{"a":2}',
    '[1];',
    'null,',
    ':',
    ',',
  ]) {
    add('structures', text.replaceAll('\n', '\\n'), text)
  }
  for (const depth of [15, 64, 65, 500, 10_000, 100_000]) {
    add('structures', `${depth} arrays`, '['.repeat(depth), ']'.repeat(depth))
    add('structures', `${depth} arrays, not closed`, '['.repeat(depth))
    if (depth <= 10_000) {
      add('structures', `${depth} objects`, '{"a":'.repeat(depth), '1', '}'.repeat(depth))
    }
  }
  add('structures', 'many members', `{${Array.from({ length: 10_000 }, (_, n) => `"k${n}":${n}`).join(',')}}`)
  add('structures', 'many elements', `[${'0,'.repeat(50_000)}0]`)
}

/** Section 4: names should be unique, and may be anything. */
function names(add: Add): void {
  for (const name of [
    '',
    ' ',
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '\\u0000',
    '$ref',
    'a.b',
    '../x',
    'é',
    '0',
    '-1',
    'length',
  ]) {
    add('names', `"${name}"`, `{"${name}":{"${name}":[1]}}`)
  }
  add('names', 'the same twice', '{"status":"PENDING","status":"COMPLETED"}')
  add('names', 'the same twice, spelled differently', '{"status":"PENDING","\\u0073tatus":"COMPLETED"}')
  add('names', 'the same a thousand times', `{${Array.from({ length: 1_000 }, (_, n) => `"a":${n}`).join(',')}}`)
  add('names', 'composed and decomposed', '{"\u00e9":1,"e\u0301":2}')
  add('names', 'a very long one', `{"${'n'.repeat(50_000)}":1}`)
}

/** Not JSON, but accepted by some parsers. */
function extensions(add: Add): void {
  for (const text of [
    '// comment\n{}',
    '/* comment */{}',
    '{}//',
    '# comment\n{}',
    '{"a":/*1*/2}',
    '<!-- {} -->',
    ")]}',\n{}",
    'callback({})',
    '{}\0',
    '{} trailing',
    '<callback/>',
    '<?xml version="1.0"?><a/>',
    '---\na: 1\n',
    'a=1&b=2',
    '%7B%7D',
    '{"a":`b`}',
    '{"a":0xF}',
    '{a:1}',
    '{"a":"b"\n"c":"d"}',
    "{'a':1}",
    '[1,2,...]',
    '{"a":new Date()}',
    '\u001e{}\n',
    'b"{}"',
  ]) {
    add('extensions', text.replaceAll('\n', '\\n'), text)
  }
}

function sizes(add: Add, bodyBytesMax: number): void {
  add('sizes', 'one byte', 'x')
  add('sizes', 'the largest body that is taken, JSON', `"${'x'.repeat(bodyBytesMax - 2)}"`)
  add('sizes', 'the largest body that is taken, nothing but quotes', '"'.repeat(bodyBytesMax))
  add('sizes', 'the largest body that is taken, zeros', '\0'.repeat(bodyBytesMax))
}
