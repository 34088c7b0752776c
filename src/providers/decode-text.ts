import { isUtf8 } from 'node:buffer'

/** A body as text. */
export interface DecodedText {
  readonly text: string
  /**
   * True if the character set is unknown or the text is damaged: characters outside ASCII are a guess, and no id, status or
   * detail may contain them.
   */
  readonly guessed: boolean
}

/** A supported character set other than UTF-8 and UTF-16. */
export type Charset = 'iso-8859-1' | 'windows-1252'

/**
 * Decodes a body: as UTF-16 if it starts as such (see {@link utf16Of}); as UTF-8 whenever it is valid UTF-8, whatever was
 * declared; otherwise as `charset`, which the sender named; otherwise as windows-1252, as a guess. A byte order mark is left
 * out.
 *
 * Malformed UTF-16 is a guess, too. Its replacement characters are never published: an id with one would be another id.
 */
export function decodeText(body: Buffer, charset: Charset | null): DecodedText {
  const utf16 = utf16Of(body)
  if (utf16 !== null) {
    return fromUtf16(body, utf16)
  }
  const bytes = withoutByteOrderMark(body)
  if (isUtf8(bytes)) {
    return { text: bytes.toString('utf8'), guessed: false }
  }
  // The byte order mark of UTF-8 contradicts any other character set.
  const named = bytes === body ? charset : null
  return { text: decodeBytes(bytes, named), guessed: named === null }
}

/** Decodes bytes that are not UTF-8. Both character sets map every byte to a character. */
export function decodeBytes(bytes: Buffer, charset: Charset | null): string {
  const text = bytes.toString('latin1')
  return charset === 'iso-8859-1' ? text : text.replace(WINDOWS_ONLY, windowsCharacter)
}

/** Re-encodes the body as UTF-8 for code that searches bytes. Returns it unchanged if decoding would be a guess. */
export function toUtf8(body: Buffer, charset: Charset | null): Buffer {
  if (!isUtf16(body) && isUtf8(body)) {
    return body
  }
  const { text, guessed } = decodeText(body, charset)
  return guessed ? body : Buffer.from(text)
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

/** The body without the byte order mark of UTF-8, a view of the same bytes. */
export function withoutByteOrderMark(body: Buffer): Buffer {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body
}

/** Whether {@link decodeText} reads the body as UTF-16. */
export function isUtf16(body: Buffer): boolean {
  return utf16Of(body) !== null
}

type Utf16 = 'utf-16le' | 'utf-16be'

/**
 * Recognizes UTF-16 by its byte order mark, or by a zero byte beside the first character of JSON or XML. No JSON or XML in
 * another character set has a zero byte there.
 */
function utf16Of(body: Buffer): Utf16 | null {
  const first = body[0]
  const second = body[1]
  if ((first === 0xff && second === 0xfe) || (second === 0 && isOpening(first))) {
    return 'utf-16le'
  }
  return (first === 0xfe && second === 0xff) || (first === 0 && isOpening(second)) ? 'utf-16be' : null
}

/** The first character of JSON with an object or a list, or of XML: `{`, `[` or `<`. */
function isOpening(byte: number | undefined): boolean {
  return byte === 0x7b || byte === 0x5b || byte === 0x3c
}

/** A lone surrogate or half a character becomes a replacement character, and the text a guess. */
function fromUtf16(body: Buffer, encoding: Utf16): DecodedText {
  try {
    return { text: new TextDecoder(encoding, { fatal: true }).decode(body), guessed: false }
  } catch {
    return { text: new TextDecoder(encoding).decode(body), guessed: true }
  }
}
