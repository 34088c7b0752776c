import { expect, test } from 'vitest'
import { canBeCallback, toContentTypeHeader } from '../../src/raw/media-type.ts'

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
  'json',
  'nonsense',
  'text/html',
  'application/jsonx',
  'application/+json',
  'aplication/json',
  'application-json',
  'application\\json',
  'application/jsno',
  '"application/json"',
  'application/json, application/json',
  'application/json; application/json; charset=utf-8',
  'application/json,image/png',
  ', ;',
  `application/json; x=${'x'.repeat(2_000)}`,
])('%s can be a callback', (contentType) => {
  expect(canBeCallback(contentType)).toBe(true)
})

test.each([
  'multipart/form-data; boundary=x',
  'multipart/form-data; boundary=application/json',
  'image/png',
  'image/svg+xml',
  'IMAGE/PNG, image/png',
  'application/pdf',
  'application/x-gzip',
])('%s cannot be a callback', (contentType) => {
  expect(canBeCallback(contentType)).toBe(false)
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
  ['aplication/json;charset = utf8', 'application/json; charset=utf8'],
  ['application/json, application/json; charset=utf-8', 'application/json; charset=utf-8'],
  ['jane, application/xml', 'application/xml'],
  ['application/x-www-form-urlencoded-jane', 'application/x-www-form-urlencoded'],
  ['jane/doe', ''],
  ['multipart/json', ''],
])('%j is stored in the header as %j, without the free text of the caller (I9)', (contentType, header) => {
  expect(toContentTypeHeader(contentType)).toBe(header)
})
