import { type Alias, type ErrorCode, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml'

/** A text that is not one YAML document. `problems` say where and what, never what is written there: it may be a secret. */
export class YamlProblems extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('; '))
    this.name = 'YamlProblems'
    this.problems = problems
  }
}

/**
 * The value of a YAML document. Prints nothing.
 *
 * Throws YamlProblems if the text is not one YAML document with texts as keys, or has a tag or an alias that is not known.
 */
export function readYaml(text: string): unknown {
  // UTF-16 has one in every other byte, and YAML allows none.
  if (text.includes('\0')) {
    throw new YamlProblems(['is not UTF-8 text, but perhaps UTF-16; save it as UTF-8'])
  }
  const lines = new LineCounter()
  // The library's warnings and the rest of its messages quote the text.
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'error', prettyErrors: false, stringKeys: true })
  const where = (position: number) => {
    const { line, col } = lines.linePos(position)
    return `line ${line}, column ${col}`
  }
  const [first] = document.errors
  if (first !== undefined) {
    const problem = first.code === 'MULTIPLE_DOCS' ? MESSAGES[first.code] : `is not valid YAML: ${MESSAGES[first.code]}`
    throw new YamlProblems([`${problem} (${where(first.pos[0])})`])
  }
  const unknown: { readonly position: number; readonly problem: string }[] = document.warnings
    .filter(({ code }) => code === 'TAG_RESOLVE_FAILED' || code === 'BAD_COLLECTION_TYPE')
    .map(({ code, pos }) => ({ position: pos[0], problem: MESSAGES[code] }))
  visit(document, {
    Alias: (_, alias: Alias) => {
      if (alias.resolve(document) === undefined) {
        unknown.push({ position: alias.range?.[0] ?? 0, problem: MESSAGES.BAD_ALIAS })
      }
    },
  })
  if (unknown.length > 0) {
    throw new YamlProblems(
      unknown.map(({ position, problem }) => {
        const path = keysAt(document.contents, position).join('.')
        return `${path === '' ? '' : `${path}: `}${problem} (${where(position)})`
      }),
    )
  }
  try {
    return document.toJS()
  } catch {
    // Only aliases are resolved this late.
    throw new YamlProblems(['has aliases that repeat too much of the file'])
  }
}

/** What each error of the library means, without the text that it is about. */
const MESSAGES: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias has a tag or an anchor of its own',
  BAD_ALIAS: 'has an alias (a text that starts with "*") without its anchor; put a text into quotes',
  BAD_COLLECTION_TYPE: 'has a tag (a word that starts with "!") of another type; remove it, or put a text into quotes',
  BAD_DIRECTIVE: 'a line that starts with "%" is not a known directive',
  BAD_DQ_ESCAPE: 'a backslash in double quotes starts no known escape; write it twice, or use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines before, or a bracket is not closed',
  BAD_PROP_ORDER: 'a tag or an anchor is in the wrong place',
  BAD_SCALAR_START: 'a text starts with a sign that has a meaning in YAML; put it into quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a text contains ": ", or the next line is indented too far; put the text into quotes, or indent less',
  BLOCK_IN_FLOW: 'lines by indentation are not allowed inside brackets',
  DUPLICATE_KEY: 'a key is there twice',
  IMPOSSIBLE: 'it cannot be understood here',
  KEY_OVER_1024_CHARS: 'a key is too long',
  MISSING_CHAR: 'a sign is missing: a colon, comma, quote, bracket or space',
  MULTILINE_IMPLICIT_KEY: 'a key is on several lines, or a colon is missing',
  MULTIPLE_ANCHORS: 'a value has two anchors',
  MULTIPLE_DOCS: 'has a second YAML document; keep one, and remove the line "---" or "..." between them',
  MULTIPLE_TAGS: 'a value has two tags',
  NON_STRING_KEY: 'a key is not a text',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'a tab is used as indentation; use spaces',
  TAG_RESOLVE_FAILED: 'has a tag (a word that starts with "!") that is not known; remove it, or put a text into quotes',
  UNEXPECTED_TOKEN: 'something is there that is not expected',
}

/** The keys and indexes that lead to the value at a position. A position inside a key belongs to what contains the key. */
function keysAt(node: unknown, position: number): readonly (string | number)[] {
  if (isMap(node)) {
    const pair = node.items.findLast(({ key, value }) => endOf(key) <= position && position <= endOf(value))
    return isScalar(pair?.key) ? [String(pair.key.value), ...keysAt(pair.value, position)] : []
  }
  if (isSeq(node)) {
    const index = node.items.findIndex((item) => position <= endOf(item))
    return index === -1 ? [] : [index, ...keysAt(node.items[index], position)]
  }
  return []
}

function endOf(node: unknown): number {
  return (node as { range?: readonly number[] | null } | null)?.range?.[1] ?? -1
}
