import { linesOf } from '../../config/lines.ts'
import type { Live, LiveFiles } from '../../config/live-files.ts'
import type { Certificate } from '../../pki/certificate.ts'
import { matchesPin, type Pin, parsePin } from '../../pki/pin.ts'
import { parseRevocationLists, type RevocationList } from '../../pki/revocation-list.ts'
import { type Trust, toTrust, type ValidPath, verifyClientCertificate } from '../../pki/verify-client-certificate.ts'
import type { ShownCertificate } from './caller.ts'
import type { AuthenticationOf, HeadVerdict, Requirement } from './requirement.ts'

/** The current CAs of one source. */
export interface LiveTrust {
  readonly bundlePem: string
  readonly trust: Trust
  readonly certificates: readonly Certificate[]
  readonly revocationLists: readonly RevocationList[]
}

export interface MutualTls extends Requirement {
  readonly trust: Live<LiveTrust>
}

/** How long a refusal is cached: it may end with time (not valid yet), and judging again costs as much as a handshake. */
const REFUSED_MS = 10_000

interface Remembered {
  readonly trust: LiveTrust
  readonly pins: readonly Pin[] | null
  /** ms since the epoch. */
  readonly until: number
  readonly verdict: HeadVerdict
}

/**
 * A currently valid client certificate issued under a CA of this source, matching one of the pins.
 *
 * The chain is verified here, for this source: in the handshake, OpenSSL can only check it against the CAs of all sources.
 * Its verdict counts, too, so two verifiers must agree on everything up to the anchor. A verdict is cached with the certificate
 * until a file changes or something in the chain or a CRL expires, so both also affect open connections.
 */
export function mutualTls(
  { ca, crls, pins }: AuthenticationOf<'mtls'>,
  what: string,
  files: LiveFiles,
  now: () => number,
  changed: () => void,
): MutualTls {
  const trust = files.load(
    `${what}.ca`,
    [ca, ...crls],
    ([bundle, ...lists]) => toLiveTrust((bundle as Buffer).toString('latin1'), lists, crls.length > 0),
    changed,
  )
  const livePins: Live<readonly Pin[] | null> =
    pins === null
      ? { current: null }
      : 'file' in pins
        ? files.load(`${what}.pins`, [pins.file], ([content]) => linesOf(content as Buffer).map(parsePin))
        : { current: pins.lines.map(parsePin) }
  const remembered = new WeakMap<ShownCertificate, Remembered>()
  return {
    type: 'mtls',
    challenge: null,
    trust,
    checkHead: ({ certificate: shown }) => {
      if (shown === null) {
        return { holds: false, reason: 'no-certificate' }
      }
      const time = now()
      const known = remembered.get(shown)
      if (known?.trust === trust.current && known.pins === livePins.current && time <= known.until) {
        return known.verdict
      }
      const fresh = judge(shown, trust.current, livePins.current, time)
      remembered.set(shown, fresh)
      return fresh.verdict
    },
  }
}

function toLiveTrust(bundlePem: string, crlContents: readonly Buffer[], withRevocation: boolean): LiveTrust {
  const revocationLists = crlContents.flatMap(parseRevocationLists)
  const trust = toTrust(bundlePem, withRevocation ? revocationLists : null)
  return { bundlePem, trust, certificates: [...trust.anchors, ...trust.intermediates], revocationLists }
}

function judge(shown: ShownCertificate, trust: LiveTrust, pins: readonly Pin[] | null, now: number): Remembered {
  const refused = (reason: string): Remembered => ({
    trust,
    pins,
    until: now + REFUSED_MS,
    verdict: { holds: false, reason },
  })
  const verdict = verifyClientCertificate(shown.leaf, shown.sent, trust.trust, now)
  if (!verdict.ok) {
    return refused(verdict.reason)
  }
  if (shown.handshakeError !== null && !isOnlyAboveAnchor(shown.handshakeError, verdict)) {
    return refused(`handshake-${shown.handshakeError}`)
  }
  if (pins !== null && !matchesPin(shown.leaf, pins)) {
    return refused('pin-mismatch')
  }
  return { trust, pins, until: verdict.until, verdict: { holds: true, kind: shown.kind } }
}

/**
 * Whether OpenSSL only misses the issuer of an anchor that is an intermediate CA. It could be told that a chain may end there
 * (X509_V_FLAG_PARTIAL_CHAIN), but Node.js does not pass this on to servers. It would report any other objection instead.
 */
function isOnlyAboveAnchor(handshakeError: string, { anchor }: ValidPath): boolean {
  return handshakeError === 'UNABLE_TO_GET_ISSUER_CERT' && anchor.subjectName !== anchor.issuerName
}
