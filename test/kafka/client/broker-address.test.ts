import { expect, test } from 'vitest'
import { splitBrokerAddress } from '../../../src/kafka/client/broker-address.ts'

test.each([
  ['localhost:9092', 'localhost', 9092],
  ['10.0.0.1:1', '10.0.0.1', 1],
  ['[::1]:9092', '::1', 9092],
  ['[fe80::1%eth0]:9092', 'fe80::1%eth0', 9092],
])('%s is split at the port', (text, host, port) => {
  expect(splitBrokerAddress(text)).toEqual({ host, port })
})

test('anything that is not an address is rejected', () => {
  for (const text of ['::1:9092', 'localhost', '[::1]', ':9092']) {
    expect(() => splitBrokerAddress(text)).toThrow('is not a broker address')
  }
})
