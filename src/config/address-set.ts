import { BlockList, isIP } from 'node:net'
import { parseAddressRange } from './address-range.ts'
import { type Lines, linesOf } from './lines.ts'
import type { Live, LiveFiles } from './live-files.ts'

/** Addresses and ranges, IPv4 and IPv6. An IPv4-mapped IPv6 address (`::ffff:203.0.113.7`) counts as IPv4. */
export interface AddressSet {
  has(address: string): boolean
}

export function addressSet(ranges: readonly string[]): AddressSet {
  const list = new BlockList()
  for (const range of ranges) {
    const { address, prefixLength, family } = parseAddressRange(range)
    list.addSubnet(address, prefixLength, family)
  }
  return {
    has: (address) => {
      const version = isIP(address)
      return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
    },
  }
}

/** @param whileUnusable replaces the set while the file cannot be used; without it, the last good set stays. */
export function liveAddressSet(
  files: LiveFiles,
  what: string,
  addresses: Lines,
  whileUnusable?: AddressSet,
): Live<AddressSet> {
  return 'file' in addresses
    ? files.load(
        what,
        [addresses.file],
        ([content]) => addressSet(linesOf(content as Buffer)),
        undefined,
        whileUnusable,
      )
    : { current: addressSet(addresses.lines) }
}
