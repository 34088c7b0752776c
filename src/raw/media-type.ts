/**
 * Whether a body of this media type can be a provider's callback. Only types that no provider sends (multipart, images,
 * archives …) are rejected.
 *
 * Lenient on purpose: the normalizer determines what the body really contains, and a callback refused for a malformed header
 * (`json`, `aplication/json`, `application/json, application/json`) would be lost or retried forever.
 */
export function canBeCallback(contentType: string | undefined): boolean {
  const types = typesIn(contentType ?? '')
  return types.some((type) => kindOf(type) !== '') || !types.some((type) => NEVER_CALLBACK.test(type))
}

/** The media types documented for callers, including all that are read as JSON, XML or a form. */
export const CALLBACK_MEDIA_TYPES: readonly string[] = [
  'application/json',
  'text/json',
  'application/x-www-form-urlencoded',
  'application/xml',
  'text/xml',
  'text/plain',
  'application/octet-stream',
]

const KNOWN: ReadonlySet<string> = new Set(CALLBACK_MEDIA_TYPES)

const NEVER_CALLBACK = /^(?:multipart|image|audio|video|font|model)\/|^application\/(?:x-)?(?:pdf|zip|gzip|tar)$/

/** An unknown type that contains one of these words is read as this kind. */
const KIND_OF_WORD: readonly (readonly [word: string, kind: string])[] = [
  ['json', 'application/json'],
  ['xml', 'application/xml'],
  ['urlencoded', 'application/x-www-form-urlencoded'],
]

/** The media types in a header, in lower case and without parameters. Faulty senders give several. */
function typesIn(contentType: string): readonly string[] {
  return partsOf(contentType).filter((part) => part !== '' && !part.includes('='))
}

function partsOf(header: string): readonly string[] {
  return header.split(/[;,]/).map((part) => part.trim().toLowerCase())
}

/** The kind that a body of this type is read as; empty if the type does not determine it. */
function kindOf(type: string): string {
  if (KNOWN.has(type)) {
    return type
  }
  return NEVER_CALLBACK.test(type) ? '' : (KIND_OF_WORD.find(([word]) => type.includes(word))?.[1] ?? '')
}

/**
 * The part of a media type that is stored in a record's header: the kind that the body is read as, and its charset. The rest is
 * free text of the caller, which may contain data that belongs only in the body (I9).
 */
export function toContentTypeHeader(contentType: string): string {
  const kind = typesIn(contentType)
    .map(kindOf)
    .find((one) => one !== '')
  const charset = partsOf(contentType)
    .map((parameter) => CHARSET.exec(parameter)?.[1])
    .find((name) => name !== undefined)
  return kind === undefined || charset === undefined ? (kind ?? '') : `${kind}; charset=${charset}`
}

const CHARSET = /^charset\s*=\s*["']?((?:utf|iso|us|windows|latin)[a-z]{0,5}[-_0-9]{0,12})["']?$/
