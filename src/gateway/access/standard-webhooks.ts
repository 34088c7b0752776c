import { createHmac, timingSafeEqual, verify } from 'node:crypto'
import type { LiveFiles } from '../../config/live-files.ts'
import { type StandardWebhooksKey, standardWebhooksKey } from '../../config/standard-webhooks-key.ts'
import { liveSecrets } from './digests.ts'
import type { AuthenticationOf, Requirement } from './requirement.ts'
import { isTimely } from './timestamp.ts'

/** One callback may carry several signatures during key rotation; more than these are not tried. */
const SIGNATURES_MAX = 10

interface Signature {
  readonly version: StandardWebhooksKey['version']
  readonly bytes: Buffer
}

/**
 * Standard Webhooks 1.0.0: `webhook-signature` holds one or more signatures of `id.timestamp.body`, made with a shared
 * secret (v1, HMAC-SHA256) or the sender's key (v1a, Ed25519). One signature that matches one configured key is enough.
 */
export function standardWebhooks(
  { secrets, toleranceSeconds }: AuthenticationOf<'standard-webhooks'>,
  what: string,
  files: LiveFiles,
  now: () => number,
): Requirement {
  const keys = liveSecrets(files, what, secrets, standardWebhooksKey)
  return {
    type: 'standard-webhooks',
    challenge: null,
    checkHead: ({ headers }) => {
      const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': value } = headers
      if (typeof id !== 'string' || id === '' || typeof timestamp !== 'string' || typeof value !== 'string') {
        return { holds: false, reason: 'no-signature' }
      }
      if (!isTimely(timestamp, toleranceSeconds, now())) {
        return { holds: false, reason: 'untimely' }
      }
      const signatures = signaturesOf(value)
      if (signatures.length === 0) {
        return { holds: false, reason: 'malformed-signature' }
      }
      // The id's original bytes; see header-secret.ts.
      const signedBefore = Buffer.from(`${id}.${timestamp}.`, 'latin1')
      return {
        holds: true,
        kind: 'standard-webhooks',
        checkBody: (body) => {
          let matches = false
          for (const key of keys.current) {
            matches = isSignedBy(key, signatures, signedBefore, body) || matches
          }
          return matches
        },
      }
    },
  }
}

function signaturesOf(value: string): Signature[] {
  return value
    .split(' ', SIGNATURES_MAX)
    .flatMap((one) => {
      const [, version, base64 = ''] = /^(v1a?),([A-Za-z0-9+/]+={0,2})$/.exec(one) ?? []
      return version === 'v1' || version === 'v1a' ? [{ version, bytes: Buffer.from(base64, 'base64') } as const] : []
    })
    .filter(({ version, bytes }) => bytes.length === (version === 'v1' ? 32 : 64))
}

function isSignedBy(
  key: StandardWebhooksKey,
  signatures: readonly Signature[],
  signedBefore: Buffer,
  body: Buffer,
): boolean {
  const ours = signatures.filter(({ version }) => version === key.version)
  if (key.version === 'v1a') {
    const signed = Buffer.concat([signedBefore, body])
    return ours.some(({ bytes }) => verify(null, signed, key.key, bytes))
  }
  const expected = createHmac('sha256', key.key).update(signedBefore).update(body).digest()
  let matches = false
  for (const { bytes } of ours) {
    matches = timingSafeEqual(bytes, expected) || matches
  }
  return matches
}
