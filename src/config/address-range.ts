import { isIP } from 'node:net'

export interface AddressRange {
  readonly address: string
  readonly prefixLength: number
  readonly family: 'ipv4' | 'ipv6'
}

/** An address (`203.0.113.7`) or a range (`203.0.113.0/24`, `2001:db8::/32`); throws for anything else. */
export function parseAddressRange(text: string): AddressRange {
  const [, address = '', prefix] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? []
  const version = isIP(address)
  const bits = version === 4 ? 32 : 128
  const prefixLength = prefix === undefined ? bits : Number(prefix)
  if (version === 0 || prefixLength > bits) {
    throw new Error('must be an IPv4 or IPv6 address, or a range such as 203.0.113.0/24 or 2001:db8::/32')
  }
  return { address, prefixLength, family: version === 4 ? 'ipv4' : 'ipv6' }
}
