import { expect, test } from 'vitest'
import { isIdentityEncoded } from '../../src/gateway/is-identity-encoded.ts'

test.each([
  undefined,
  '',
  'identity',
  ' Identity ',
  'UTF-8',
  'utf8',
  'none',
  'binary',
  '8bit',
  'iso-8859-1',
  'null',
  'application/json',
  'identity, UTF-8',
])('a content coding %j names no compression', (coding) => {
  expect(isIdentityEncoded(coding)).toBe(true)
})

test.each(['gzip', 'X-GZIP', 'deflate', 'br', 'zstd', 'compress', 'identity, gzip', 'gzip;q=1', 'UTF-8,br'])(
  'a content coding %j is a compression, which is not read',
  (coding) => {
    expect(isIdentityEncoded(coding)).toBe(false)
  },
)
