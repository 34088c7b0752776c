import { isIP } from 'node:net'
import type { AddressSet } from '../../config/address-set.ts'

/**
 * The address a request originated from, behind proxies. X-Forwarded-For is read from the right, where the nearest proxy
 * appended, and only as far as trusted proxies appended. Entries a caller made up are further left and never reached. Null
 * if a trusted proxy appended something that is not an address.
 */
export function forwardedAddress(peer: string, forwardedFor: string | undefined, trusted: AddressSet): string | null {
  let address = peer
  for (const entry of (forwardedFor ?? '').split(',').reverse()) {
    if (!trusted.has(address) || (forwardedFor ?? '').trim() === '') {
      return address
    }
    const next = withoutPort(entry.trim())
    if (isIP(next) === 0) {
      return null
    }
    address = next
  }
  return address
}

/** Drops the port that some proxies append: `203.0.113.7:4711`, `[2001:db8::7]:4711`. */
function withoutPort(text: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text
}
