import { expect, test } from 'vitest'
import { canBeCallback, isIdentityEncoded } from '../../src/gateway/media-type.ts'

test.each([
  undefined,
  '',
  'application/json',
  'Application/JSON ; charset="utf-8"',
  'text/json',
  'application/problem+json',
  'application/vnd.jpm.v2+xml;q=1',
  'application/x-www-form-urlencoded',
  'application/xml',
  'text/xml',
  'text/plain;;',
  'application/octet-stream',
])('%s can be a callback', (contentType) => {
  expect(canBeCallback(contentType)).toBe(true)
})

test.each([
  'multipart/form-data; boundary=x',
  'image/png',
  'text/html',
  'application/jsonx',
  'application/+json',
  'json',
  'application/pdf',
  'application/json, application/json',
  `application/json; x=${'x'.repeat(200)}`,
])('%s cannot', (contentType) => {
  expect(canBeCallback(contentType)).toBe(false)
})

test('only the identity coding leaves the bytes as they are', () => {
  expect([undefined, '', 'identity', ' Identity '].map(isIdentityEncoded)).toEqual([true, true, true, true])
  expect(['gzip', 'deflate', 'br', 'identity, gzip'].map(isIdentityEncoded)).toEqual([false, false, false, false])
})
