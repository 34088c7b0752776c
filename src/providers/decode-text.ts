import { isUtf8 } from 'node:buffer'

/** A body as text. */
export interface DecodedText {
  readonly text: string
  /**
   * True if the character set is unknown: characters outside ASCII are a guess, and no id, status or detail may contain
   * them.
   */
  readonly guessed: boolean
}

/** A supported character set other than UTF-8 and UTF-16. */
export type Charset = 'iso-8859-1' | 'windows-1252'

/**
 * Decodes a body: as UTF-8 whenever it is valid UTF-8, whatever was declared; as UTF-16 if it starts with that byte order
 * mark; otherwise as `charset`, which the sender named; otherwise as windows-1252, as a guess. Null if it starts with a
 * UTF-16 byte order mark but is not valid UTF-16.
 *
 * Malformed bytes are never replaced: an id with a replacement character would be another id.
 */
export function decodeText(body: Buffer, charset: Charset | null): DecodedText | null {
  if (isUtf8(body)) {
    return { text: withoutByteOrderMark(body.toString('utf8')), guessed: false }
  }
  const utf16 = utf16Of(body)
  if (utf16 !== null) {
    const text = fromUtf16(body, utf16)
    return text === null ? null : { text, guessed: false }
  }
  return { text: decodeBytes(body, charset), guessed: charset === null }
}

/** Decodes bytes that are not UTF-8. Both character sets map every byte to a character. */
export function decodeBytes(bytes: Buffer, charset: Charset | null): string {
  const text = bytes.toString('latin1')
  return charset === 'iso-8859-1' ? text : text.replace(WINDOWS_ONLY, windowsCharacter)
}

/** Re-encodes the body as UTF-8 for code that searches bytes. Returns it unchanged if decoding fails or would be a guess. */
export function toUtf8(body: Buffer, charset: Charset | null): Buffer {
  if (isUtf8(body)) {
    return body
  }
  const decoded = decodeText(body, charset)
  return decoded === null || decoded.guessed ? body : Buffer.from(decoded.text)
}

/**
 * The supported character set that a content type names, or null. UTF-8 and ASCII give null, because they do not help
 * with a body that is not UTF-8. The gateway keeps these names in the header of the raw record (media-type.ts).
 */
export function charsetOf(contentType: string): Charset | null {
  // A quick test first: almost no content type names another character set.
  return OTHER_CHARSET.test(contentType) ? charsetNamed(CHARSET_PARAMETER.exec(contentType)?.[1]) : null
}

const OTHER_CHARSET = /charset="?(?:iso|latin|windows)/i
const CHARSET_PARAMETER = /;\s*charset="?([\w-]+)"?\s*(?:;|$)/i

/** The character set that an XML declaration names. It is often wrong: .NET writes `utf-16` and sends UTF-8. */
export function charsetOfXml(body: Buffer): Charset | null {
  return charsetNamed(XML_ENCODING.exec(body.toString('latin1', 0, XML_DECLARATION_BYTES_MAX))?.[1])
}

const XML_ENCODING = /^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([\w-]+)["']/i
const XML_DECLARATION_BYTES_MAX = 256

const CHARSETS: ReadonlyMap<string, Charset> = new Map([
  ['iso-8859-1', 'iso-8859-1'],
  ['iso8859-1', 'iso-8859-1'],
  ['iso_8859-1', 'iso-8859-1'],
  ['latin1', 'iso-8859-1'],
  ['latin-1', 'iso-8859-1'],
  ['windows-1252', 'windows-1252'],
])

function charsetNamed(name: string | undefined): Charset | null {
  return (name === undefined ? undefined : CHARSETS.get(name.toLowerCase())) ?? null
}

/** The characters of windows-1252 where ISO 8859-1 has control characters; the five unassigned ones stay control characters. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'
const WINDOWS_ONLY = /[\x80-\x9f]/g

function windowsCharacter(character: string): string {
  return WINDOWS_1252.charAt(character.charCodeAt(0) - 0x80)
}

const BYTE_ORDER_MARK = 0xfeff

function withoutByteOrderMark(text: string): string {
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text
}

function utf16Of(body: Buffer): 'utf-16le' | 'utf-16be' | null {
  if (body[0] === 0xff && body[1] === 0xfe) {
    return 'utf-16le'
  }
  return body[0] === 0xfe && body[1] === 0xff ? 'utf-16be' : null
}

/** Null for an odd number of bytes or a lone surrogate. */
function fromUtf16(body: Buffer, encoding: 'utf-16le' | 'utf-16be'): string | null {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(body)
  } catch {
    return null
  }
}
