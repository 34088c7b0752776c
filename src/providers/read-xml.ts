import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { type Charset, charsetOfXml, decodeText } from './decode-text.ts'
import type { DeadLetter } from './provider.ts'

/** The fields of a flat XML document in their order, or the reason why not. */
export type ReadXml =
  | {
      readonly outcome: 'fields'
      readonly fields: readonly XmlField[]
      /** True if its characters outside ASCII are a guess. */
      readonly guessed: boolean
    }
  | { readonly outcome: 'dead-letter'; readonly deadLetter: DeadLetter }

/** A child element of the root. `value` is null if it is not a text, because it has elements of its own. */
export interface XmlField {
  readonly name: string
  readonly value: string | null
}

/** Far more than a flat message takes; the parsers copy the text more than once. */
export const XML_CHARACTERS_MAX = 262_144
/** One root and its fields are two. */
export const XML_DEPTH_MAX = 8

/**
 * Reads a flat list of elements below one root, whatever the root is called. What is not UTF-8 is read in `charset`, or
 * what the XML declaration says, or a guess (decode-text.ts). What is UTF-8 is that, whatever the declaration says: .NET
 * writes `utf-16` into texts that it then sends as UTF-8.
 *
 * Hardened: no document type and no entity declaration (they are the way to files, hosts and memory), no entity but the
 * five of XML itself and characters by number, bounded in length and depth, no attributes, nothing turned into numbers.
 * Never throws. The messages of the parser are not passed on: they quote the body.
 */
export function readXml(body: Buffer, charset: Charset | null = null): ReadXml {
  if (body.length === 0) {
    return refused('empty-body', 'the body is empty')
  }
  const decoded = decodeText(body, charset ?? charsetOfXml(body))
  if (decoded === null) {
    return refused('invalid-utf8', 'the body opens as UTF-16 and is not')
  }
  const text = decoded.text.trim()
  if (text === '') {
    return refused('empty-body', 'the body is blank')
  }
  if (text.length > XML_CHARACTERS_MAX) {
    return refused('invalid-xml', `the body is longer than ${XML_CHARACTERS_MAX} characters`)
  }
  if (DECLARATION.test(text)) {
    return refused('invalid-xml', 'the body has a document type or another declaration')
  }
  try {
    if (XMLValidator.validate(text) !== true) {
      return NOT_XML
    }
    return fieldsOf(PARSER.parse(text), decoded.guessed)
  } catch {
    return NOT_XML
  }
}

/** `<!DOCTYPE`, `<!ENTITY` and their like: everything with `<!` that is no comment and no CDATA. */
const DECLARATION = /<!(?!--|\[CDATA\[)/

const TEXT = '#text'
const CDATA = '#cdata'

const PARSER = new XMLParser({
  preserveOrder: true,
  textNodeName: TEXT,
  cdataPropName: CDATA,
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  htmlEntities: false,
  // It counts what is open above an element.
  maxNestedTags: XML_DEPTH_MAX - 1,
})

/** What the parser makes of an element: one name with the list of what is in it, or one text. */
type XmlNode = Readonly<Record<string, string | readonly XmlNode[]>>

const NOT_XML = refused('invalid-xml', 'the body is not valid XML')

function fieldsOf(document: readonly XmlNode[], guessed: boolean): ReadXml {
  const roots = document.filter((node) => elementOf(node) !== null)
  const root = roots[0] === undefined ? null : elementOf(roots[0])
  if (root === null || roots.length > 1) {
    return NOT_XML
  }
  const fields: XmlField[] = []
  for (const node of root.children) {
    const element = elementOf(node)
    if (element !== null) {
      const value = textOf(element.children)
      if (value === undefined) {
        return refused('invalid-xml', 'the body names an entity that XML itself does not have')
      }
      fields.push({ name: element.name, value })
    }
  }
  return fields.length === 0
    ? refused('unexpected-shape', 'the root element has no elements')
    : { outcome: 'fields', fields, guessed }
}

function elementOf(node: XmlNode): { readonly name: string; readonly children: readonly XmlNode[] } | null {
  for (const [name, children] of Object.entries(node)) {
    if (name !== TEXT && name !== CDATA && typeof children === 'object') {
      return { name, children }
    }
  }
  return null
}

/** Null if there is more than text; undefined if the text names an unknown entity. */
function textOf(nodes: readonly XmlNode[]): string | null | undefined {
  let text = ''
  for (const node of nodes) {
    const plain = node[TEXT]
    const cdata = node[CDATA]
    if (typeof plain === 'string') {
      const decoded = withoutReferences(plain)
      if (decoded === undefined) {
        return undefined
      }
      text += decoded
    } else if (typeof cdata === 'object') {
      text += cdata.map((part) => part[TEXT] ?? '').join('')
    } else {
      return null
    }
  }
  return text.trim()
}

const REFERENCE = /&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));|&/g
const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const CODE_POINT_MAX = 0x10ffff

/** Replaces each reference once, so that what comes out is never read as a reference again. */
function withoutReferences(text: string): string | undefined {
  if (!text.includes('&')) {
    return text
  }
  let unknown = false
  const decoded = text.replace(REFERENCE, (_all, name?: string, decimal?: string, hex?: string) => {
    const predefined = name === undefined ? undefined : PREDEFINED[name]
    if (predefined !== undefined) {
      return predefined
    }
    const codePoint = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
    if (!(codePoint <= CODE_POINT_MAX)) {
      unknown = true
      return ''
    }
    return String.fromCodePoint(codePoint)
  })
  return unknown ? undefined : decoded
}

function refused(reason: DeadLetter['reason'], message: string): Extract<ReadXml, { outcome: 'dead-letter' }> {
  return { outcome: 'dead-letter', deadLetter: { reason, message, element: null } }
}
