/**
 * Text already in the notation of its body, for what no serializer writes: a repeated name, a number with trailing zeros,
 * invalid UTF-8.
 */
export class Verbatim {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type BodyEncoding = 'utf8' | 'latin1' | 'utf16le'

/** What a callback says about one step, before serialization. Oddities change it. */
export interface Wire {
  /** The provider's own time of the step. */
  readonly atMs: number
  /** Fields of the element, in order; undefined ones are not written. */
  fields: Record<string, unknown>
  /** Fields that the element contains additionally, before all others. */
  readonly twice: (readonly [name: string, value: unknown])[]
  /** v2 only: envelope fields that replace the usual ones. */
  readonly envelope: Record<string, unknown>
  format: 'json' | 'form' | 'xml'
  encoding: BodyEncoding
  /** Null: the usual one. */
  contentType: string | null
}

/** The element of a callback (InstaMed: the body) as text. */
export function writeWire({ fields, twice, format }: Pick<Wire, 'fields' | 'twice' | 'format'>): string {
  const written = [...twice, ...Object.entries(fields)].filter(([, value]) => value !== undefined)
  switch (format) {
    case 'json':
      return `{${written.map(([name, value]) => `${JSON.stringify(name)}:${jsonOf(value)}`).join(',')}}`
    case 'form':
      return written.map(([name, value]) => `${name}=${formTextOf(value)}`).join('&')
    case 'xml':
      return `<Transaction>${written.map(([name, value]) => `<${name}>${xmlTextOf(value)}</${name}>`).join('')}</Transaction>`
  }
}

function jsonOf(value: unknown): string {
  return value instanceof Verbatim ? value.text : JSON.stringify(value)
}

function formTextOf(value: unknown): string {
  return value instanceof Verbatim ? value.text : encodeURIComponent(String(value ?? ''))
}

function xmlTextOf(value: unknown): string {
  return value instanceof Verbatim
    ? value.text
    : String(value ?? '')
        .replaceAll('&', '&amp;')
        .replaceAll('<', '&lt;')
}

/** UTF-16 begins with its byte order mark. */
export function encodeBody(text: string, encoding: BodyEncoding): Buffer {
  return Buffer.from(encoding === 'utf16le' ? `\ufeff${text}` : text, encoding)
}
