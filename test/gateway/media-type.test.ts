import { expect, test } from 'vitest'
import { canBeCallback, isIdentityEncoded, toContentTypeHeader } from '../../src/gateway/media-type.ts'

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

test.each([
  ['', ''],
  ['application/json', 'application/json'],
  ['Application/JSON ; charset="UTF-8"; q=1', 'application/json; charset=utf-8'],
  ['text/xml;charset=ISO-8859-1', 'text/xml; charset=iso-8859-1'],
  ['application/vnd.jane-doe.4111111111111111+json', 'application/json'],
  ['application/soap+xml; action="jane"', 'application/xml'],
  ['application/json; charset=jane-doe', 'application/json'],
  ['text/plain; name=jane', 'text/plain'],
])('of %j goes into a header %j: what a caller wrote into it freely does not (I9)', (contentType, header) => {
  expect(toContentTypeHeader(contentType)).toBe(header)
})
