/**
 * Whether a body of this media type can be a provider's callback: JSON, XML, a form, text, unnamed bytes, or not said.
 *
 * Generous on purpose: what the body really holds is for the normalizer to find out, and a callback refused for a sloppy
 * header would be lost or retried for ever. Multipart, images and the like are another program's requests.
 */
export function canBeCallback(contentType: string | undefined): boolean {
  if (contentType === undefined) {
    return true
  }
  if (contentType.length > CONTENT_TYPE_CHARS_MAX) {
    return false
  }
  const semicolon = contentType.indexOf(';')
  const essence = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase()
  return ACCEPTED.has(essence) || STRUCTURED.test(essence)
}

/** It becomes a record header, so it is bounded. */
const CONTENT_TYPE_CHARS_MAX = 200

/** Media types that are said to callers; structured suffixes and none are fine too. */
export const CALLBACK_MEDIA_TYPES: readonly string[] = [
  'application/json',
  'text/json',
  'application/x-www-form-urlencoded',
  'application/xml',
  'text/xml',
  'text/plain',
  'application/octet-stream',
]

const ACCEPTED: ReadonlySet<string> = new Set(['', ...CALLBACK_MEDIA_TYPES])

const STRUCTURED = /^application\/[\w!#$&^.-]+\+(json|xml)$/

/** Whether the body is the bytes themselves: a compressed one is not kept, since providers send none. */
export function isIdentityEncoded(contentEncoding: string | undefined): boolean {
  if (contentEncoding === undefined) {
    return true
  }
  const coding = contentEncoding.trim().toLowerCase()
  return coding === '' || coding === 'identity'
}
