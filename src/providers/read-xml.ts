import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { type Charset, charsetOfXml, decodeText } from './decode-text.ts'
import type { JsonObject } from './json-object.ts'
import type { DeadLetter } from './provider.ts'

/** The fields of a flat XML document in their order, or the reason why it has none. */
export type ReadXml =
  | {
      readonly outcome: 'fields'
      readonly fields: readonly XmlField[]
      /** True if its characters outside ASCII are a guess. */
      readonly guessed: boolean
    }
  | { readonly outcome: 'dead-letter'; readonly deadLetter: DeadLetter }

/** A child element of the root. */
export interface XmlField {
  readonly name: string
  /** Null if it contains other elements and so is not a text. */
  readonly value: string | null
  /** Then, the elements in it by name, each with its text or again such a list. A repeated name is in the next object. */
  readonly nested?: readonly JsonObject[]
}

/** Far more than a flat message needs. Bounded because the parsers copy the text more than once. */
export const XML_CHARACTERS_MAX = 262_144
/** The root and its fields need two. */
export const XML_DEPTH_MAX = 8

/**
 * Reads a flat list of elements below one root of any name. A body that is not UTF-8 is decoded as `charset`, as the XML
 * declaration says, or by a guess (decode-text.ts). A body that is valid UTF-8 is always read as such: .NET declares
 * `utf-16` in texts that it then sends as UTF-8.
 *
 * Hardened: no document type and no entity declarations (they can reach files, hosts and all memory), no entities except
 * the five predefined ones and numeric references, bounded length and depth, attributes ignored, no values turned into
 * numbers. Never throws. The parser's messages are not passed on, because they quote the body.
 */
export function readXml(body: Buffer, charset: Charset | null = null): ReadXml {
  if (body.length === 0) {
    return refused('empty-body', 'the body is empty')
  }
  const decoded = decodeText(body, charset ?? charsetOfXml(body))
  const text = decoded.text.trim()
  if (text === '') {
    return refused('empty-body', 'the body is blank')
  }
  if (text.length > XML_CHARACTERS_MAX) {
    return refused('invalid-xml', `the body is longer than ${XML_CHARACTERS_MAX} characters`)
  }
  if (hasDeclaration(text)) {
    return refused('invalid-xml', 'the body has a document type or another declaration')
  }
  try {
    if (XMLValidator.validate(text) !== true) {
      return NOT_XML
    }
    return fieldsOf(PARSER.parse(text), decoded.guessed)
  } catch (error) {
    return error instanceof Error && error.message === PARSER_TOO_DEEP ? TOO_DEEP : NOT_XML
  }
}

/**
 * Whether there is `<!DOCTYPE`, `<!ENTITY` or any other `<!` that starts neither a comment nor CDATA and is not inside one,
 * nor inside a processing instruction. One that malformed attributes hide has no effect: the parser expands no entities.
 */
function hasDeclaration(text: string): boolean {
  START.lastIndex = 0
  for (let start = START.exec(text); start !== null; start = START.exec(text)) {
    const end = ENDS[start[0]]
    if (end === undefined) {
      return true
    }
    const at = text.indexOf(end, START.lastIndex)
    if (at < 0) {
      return false
    }
    START.lastIndex = at + end.length
  }
  return false
}

const START = /<!--|<!\[CDATA\[|<\?|<!/g
const ENDS: Readonly<Record<string, string>> = { '<!--': '-->', '<![CDATA[': ']]>', '<?': '?>' }

const TEXT = '#text'
const CDATA = '#cdata'

/** Starts the name of every element in the parser's result, so that no name has a special meaning. No name in XML has it. */
const ELEMENT = '<'

const PARSER = new XMLParser({
  preserveOrder: true,
  textNodeName: TEXT,
  cdataPropName: CDATA,
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  removeNSPrefix: true,
  // The parser refuses names such as `toString`. It calls this twice for an empty element.
  transformTagName: (name) => (name.startsWith(ELEMENT) ? name : ELEMENT + name),
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  htmlEntities: false,
  // The parser counts the open elements above an element.
  maxNestedTags: XML_DEPTH_MAX - 1,
})

/** A node of the parser: one name with the list of its content, or one text. */
type XmlNode = Readonly<Record<string, string | readonly XmlNode[]>>

const NOT_XML = refused('invalid-xml', 'the body is not valid XML')
const TOO_DEEP = refused('invalid-xml', `the body is nested more than ${XML_DEPTH_MAX} deep`)
/** The only message of the parser that is looked at. */
const PARSER_TOO_DEEP = 'Maximum nested tags exceeded'

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
        return refused('invalid-xml', 'the body uses an entity that XML does not predefine')
      }
      fields.push({ name: element.name, value, ...(value === null ? { nested: nestedIn(element.children) } : {}) })
    }
  }
  return fields.length === 0
    ? refused('unexpected-shape', 'the root element has no elements')
    : { outcome: 'fields', fields, guessed }
}

/** Recurses as deep as the document is nested, at most {@link XML_DEPTH_MAX}. A text with an unknown entity counts as empty. */
function nestedIn(nodes: readonly XmlNode[]): readonly JsonObject[] {
  const objects: Record<string, unknown>[] = []
  const counts = new Map<string, number>()
  for (const element of nodes.map(elementOf)) {
    if (element !== null) {
      const text = textOf(element.children)
      const index = counts.get(element.name) ?? 0
      counts.set(element.name, index + 1)
      objects[index] ??= Object.create(null) as Record<string, unknown>
      objects[index][element.name] = text === null ? nestedIn(element.children) : (text ?? '')
    }
  }
  return objects
}

function elementOf(node: XmlNode): { readonly name: string; readonly children: readonly XmlNode[] } | null {
  for (const [name, children] of Object.entries(node)) {
    if (name.startsWith(ELEMENT) && typeof children === 'object') {
      return { name: name.slice(ELEMENT.length), children }
    }
  }
  return null
}

/** Null if there is more than text; undefined if the text uses an unknown entity. */
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

/** Replaces each reference once; the result is never expanded again. */
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
