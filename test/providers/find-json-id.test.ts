import { expect, test } from 'vitest'
import { findJsonId } from '../../src/providers/find-json-id.ts'

const find = (body: string | Buffer) => findJsonId(Buffer.from(body), 'paymentId')

test.each([
  ['{"paymentId":"P1"}', 'P1'],
  ['{"paymentId" :\r\n\t "P1"}', 'P1'],
  ['{"a":["paymentId","x"],"paymentId":"P1"}', 'P1'],
  ['{"a":"\\"paymentId\\":\\"no\\"","paymentId":"P1"}', 'P1'],
  ['{"paymentId":"P\\u0031"}', 'P1'],
  ['{"paymentId":"a\\"b"}', 'a"b'],
  ['{"paymentId":"é😀"}', 'é😀'],
  [`{"paymentId":"${'\\u0041'.repeat(128)}"}`, 'A'.repeat(128)],
  [`{"paymentId":"${'€'.repeat(128)}"}`, '€'.repeat(128)],
])('%s has the id %s', (body, id) => {
  expect(find(body)).toBe(id)
})

test.each([
  '',
  '{}',
  '{"paymentId',
  '{"paymentId"',
  '{"paymentId":',
  '{"paymentId":"',
  '{"paymentId":"P1',
  '{"paymentId":"P1\\',
  '{"paymentId":"\\x"}',
  '{"paymentId":"\\ud800"}',
  '{"paymentId":"\\n"}',
  '{"paymentId":7}',
  '{"paymentId":null}',
  '{"paymentId":" "}',
  '{"PaymentId":"P1"}',
  `{"paymentId":"${'A'.repeat(129)}"}`,
  `[${'"paymentId",'.repeat(16)}{"paymentId":"P1"}]`,
])('%j has no id', (body) => {
  expect(find(body)).toBeNull()
})
