import { isUtf8 } from 'node:buffer'

/** A body as text. */
export interface DecodedText {
  readonly text: string
  /**
   * True if nothing says which character set the body is in: its characters outside ASCII are a guess, and no id, status
   * or detail may rest on them.
   */
  readonly guessed: boolean
}

/** A character set that a body may be in beside UTF-8. */
export type Charset = 'iso-8859-1' | 'windows-1252'

/**
 * Decodes a body: UTF-8 whenever it is that, whatever else is said of it; UTF-16 if it opens with the byte order mark;
 * else `charset`, which the sender named; else windows-1252 as a guess. Null if it opens as UTF-16 and is not.
 *
 * Malformed bytes are never replaced: an id with a replacement character is another id.
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

/** Decodes bytes that are not UTF-8. Both character sets have a character for every byte. */
export function decodeBytes(bytes: Buffer, charset: Charset | null): string {
  const text = bytes.toString('latin1')
  return charset === 'iso-8859-1' ? text : text.replace(WINDOWS_ONLY, windowsCharacter)
}

/** The body in UTF-8, for what goes by bytes. What only a guess could decode, or nothing at all, is left as it is. */
export function toUtf8(body: Buffer, charset: Charset | null): Buffer {
  if (isUtf8(body)) {
    return body
  }
  const decoded = decodeText(body, charset)
  return decoded === null || decoded.guessed ? body : Buffer.from(decoded.text)
}

/**
 * The character set that a content type names, if it is one that is read. One that names UTF-8 or ASCII says nothing
 * about a body that is not UTF-8. The gateway keeps these names in raw's header (media-type.ts).
 */
export function charsetOf(contentType: string): Charset | null {
  // Without a look at the rest: almost no content type names another character set.
  return OTHER_CHARSET.test(contentType) ? charsetNamed(CHARSET_PARAMETER.exec(contentType)?.[1]) : null
}

const OTHER_CHARSET = /charset="?(?:iso|latin|windows)/i
const CHARSET_PARAMETER = /;\s*charset="?([\w-]+)"?\s*(?:;|$)/i

/** The character set that an XML declaration names. A wrong one is common: .NET writes `utf-16` and sends UTF-8. */
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

/** What windows-1252 has where ISO 8859-1 has control characters; the five that it has not stay control characters. */
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

/** Null for an odd number of bytes or half a surrogate pair. */
function fromUtf16(body: Buffer, encoding: 'utf-16le' | 'utf-16be'): string | null {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(body)
  } catch {
    return null
  }
}
