import { isIP } from 'node:net'
import type { AddressSet } from './address-set.ts'

/**
 * Whose address a request came from, behind proxies: X-Forwarded-For is read from its right end, where the nearest proxy
 * wrote, and only as long as it was a trusted one that wrote. What a caller put there itself stands further left and is
 * never reached. Null if a trusted proxy wrote something that is no address.
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

/** `203.0.113.7:4711` and `[2001:db8::7]:4711`, as some proxies write, without what follows the address. */
function withoutPort(text: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text
}
