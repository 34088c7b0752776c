import { describe, expect, test } from 'vitest'
import { addressSet } from '../../../src/config/address-set.ts'
import { forwardedAddress } from '../../../src/gateway/access/forwarded-address.ts'
import { ipAllowList } from '../../../src/gateway/access/ip-allow-list.ts'
import { callerOf, noFiles } from './caller-of.ts'

describe('an IP allow-list', () => {
  const requirement = ipAllowList(
    { type: 'ip-allow-list', addresses: { lines: ['203.0.113.0/24', '198.51.100.7', '2001:db8:1::/48'] } },
    'test',
    noFiles(),
  )

  test.each(['203.0.113.0', '203.0.113.255', '198.51.100.7', '::ffff:203.0.113.9', '2001:db8:1:ffff::1'])(
    'takes %s',
    (address) => {
      expect(requirement.checkHead(callerOf({ address }))).toEqual({ holds: true, kind: 'ip-allow-list' })
    },
  )

  test.each(['203.0.114.0', '198.51.100.8', '::ffff:203.0.114.9', '2001:db8:2::1', '::1', 'no address', ''])(
    'refuses %j',
    (address) => {
      expect(requirement.checkHead(callerOf({ address }))).toEqual({ holds: false, reason: 'address-not-allowed' })
    },
  )

  test('refuses an unknown address', () => {
    expect(requirement.checkHead(callerOf())).toEqual({ holds: false, reason: 'address-unknown' })
  })
})

describe('the address of a caller', () => {
  const trusted = addressSet(['10.0.0.0/8', '2001:db8:aaaa::/48'])
  const of = (peer: string, forwardedFor?: string) => forwardedAddress(peer, forwardedFor, trusted)

  test('is the peer’s own if the peer is not a trusted proxy, whatever its headers say', () => {
    expect(of('203.0.113.7')).toBe('203.0.113.7')
    expect(of('203.0.113.7', '198.51.100.1')).toBe('203.0.113.7')
    expect(of('203.0.113.7', '198.51.100.1, 10.0.0.1')).toBe('203.0.113.7')
  })

  test('is the last one that a trusted proxy appended: entries made up by the caller are not reached', () => {
    expect(of('10.0.0.1', '203.0.113.7')).toBe('203.0.113.7')
    expect(of('10.0.0.1', '198.51.100.1, 203.0.113.7')).toBe('203.0.113.7')
    expect(of('10.0.0.1', '198.51.100.1, 203.0.113.7, 10.0.0.2, 10.0.0.3')).toBe('203.0.113.7')
    expect(of('::ffff:10.0.0.1', '203.0.113.7')).toBe('203.0.113.7')
    expect(of('2001:db8:aaaa::1', ' 2001:db8::7 ')).toBe('2001:db8::7')
  })

  test('is the proxy’s own if there is no entry behind it', () => {
    expect(of('10.0.0.1')).toBe('10.0.0.1')
    expect(of('10.0.0.1', ' ')).toBe('10.0.0.1')
    expect(of('10.0.0.1', '10.0.0.2')).toBe('10.0.0.2')
  })

  test('may have a port', () => {
    expect(of('10.0.0.1', '203.0.113.7:4711')).toBe('203.0.113.7')
    expect(of('10.0.0.1', '[2001:db8::7]:4711')).toBe('2001:db8::7')
  })

  test.each(['unknown', '_hidden', '203.0.113.7,', '203.0.113.999', '203.0.113.7, , 10.0.0.2'])(
    'is unknown if a trusted proxy wrote %j',
    (forwardedFor) => {
      expect(of('10.0.0.1', forwardedFor)).toBeNull()
    },
  )
})
