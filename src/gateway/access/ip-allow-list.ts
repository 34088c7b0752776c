import { liveAddressSet } from '../../config/address-set.ts'
import type { LiveFiles } from '../../config/live-files.ts'
import type { AuthenticationOf, Requirement } from './requirement.ts'

/** Only callers from known networks; behind trusted proxies, the address is the one they report. */
export function ipAllowList(
  { addresses }: AuthenticationOf<'ip-allow-list'>,
  what: string,
  files: LiveFiles,
): Requirement {
  const allowed = liveAddressSet(files, what, addresses)
  return {
    type: 'ip-allow-list',
    challenge: null,
    checkHead: ({ address }) =>
      address !== null && allowed.current.has(address)
        ? { holds: true, kind: 'ip-allow-list' }
        : { holds: false, reason: address === null ? 'address-unknown' : 'address-not-allowed' },
  }
}
