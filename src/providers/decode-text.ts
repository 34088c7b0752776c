import { isUtf8 } from 'node:buffer'
import type { DeadLetter } from './provider.ts'

export type DecodedText =
  | { readonly outcome: 'text'; readonly text: string }
  | { readonly outcome: 'dead-letter'; readonly deadLetter: DeadLetter }

const BYTE_ORDER_MARK = 0xfeff

/** Decodes a body as UTF-8. Malformed bytes are never replaced: an id with a replacement character is another id. */
export function decodeText(body: Buffer): DecodedText {
  if (body.length === 0) {
    return { outcome: 'dead-letter', deadLetter: { reason: 'empty-body', message: 'the body is empty', element: null } }
  }
  if (!isUtf8(body)) {
    return {
      outcome: 'dead-letter',
      deadLetter: { reason: 'invalid-utf8', message: 'the body is not valid UTF-8', element: null },
    }
  }
  const text = body.toString('utf8')
  return { outcome: 'text', text: text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text }
}
