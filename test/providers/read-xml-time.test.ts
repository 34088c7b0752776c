import { expect, test } from 'vitest'
import { readXml, XML_CHARACTERS_MAX } from '../../src/providers/read-xml.ts'

test.each([
  ['open tags', '<a>'],
  ['angle brackets', '<'],
  ['ampersands', '&'],
  ['entities', '&amp;'],
  ['comments that never end', '<!--'],
  ['CDATA that never ends', '<![CDATA['],
  ['processing instructions', '<?a '],
  ['attributes', '<a b="'],
  ['blanks', ' '],
  ['fields', '<b>1</b>'],
])('the largest body full of %s is read quickly', (_what, piece) => {
  const started = performance.now()
  for (const start of ['', '<a>', '<a><b>', '<a b="']) {
    for (const end of ['', '</a>', '</b></a>']) {
      const room = XML_CHARACTERS_MAX - start.length - end.length
      readXml(Buffer.from(start + piece.repeat(Math.floor(room / piece.length)) + end))
    }
  }
  expect(performance.now() - started).toBeLessThan(10_000)
})
