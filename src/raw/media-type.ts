/**
 * Whether a body of this media type can be a provider's callback. Everything can but what is certainly another program's
 * request: multipart, pictures and the like.
 *
 * Generous on purpose: what the body really holds is for the normalizer to find out, and a callback that is refused for a
 * sloppy header (`json`, `aplication/json`, `application/json, application/json`) would be lost or retried for ever.
 */
export function canBeCallback(contentType: string | undefined): boolean {
  const types = typesIn(contentType ?? '')
  return types.some((type) => kindOf(type) !== '') || !types.some((type) => OF_OTHERS.test(type))
}

/** Media types that are said to callers; what is read as JSON, XML or a form is among them. */
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

const OF_OTHERS = /^(?:multipart|image|audio|video|font|model)\/|^application\/(?:x-)?(?:pdf|zip|gzip|tar)$/

/** What is neither known nor another program's is taken for what it speaks of. */
const SPOKEN_OF: readonly (readonly [word: string, kind: string])[] = [
  ['json', 'application/json'],
  ['xml', 'application/xml'],
  ['urlencoded', 'application/x-www-form-urlencoded'],
]

/** The media types that a header names, in lower case, without parameters: there may be several, by mistake. */
function typesIn(contentType: string): readonly string[] {
  return partsOf(contentType).filter((part) => part !== '' && !part.includes('='))
}

function partsOf(header: string): readonly string[] {
  return header.split(/[;,]/).map((part) => part.trim().toLowerCase())
}

/** As what a body of this type is read; empty if it does not say. */
function kindOf(type: string): string {
  if (KNOWN.has(type)) {
    return type
  }
  return OF_OTHERS.test(type) ? '' : (SPOKEN_OF.find(([word]) => type.includes(word))?.[1] ?? '')
}

/**
 * What of a media type goes into a record's header: the kind that the body is read as, and its charset. The rest is a
 * caller's free text, and a header must not hold what only a body may (I9).
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
