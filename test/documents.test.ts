import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { createProgram } from '../src/commands/program.ts'

/** Everything that the documents name exists: files, anchors, commands, targets, error codes, tests of the invariants. */

const ROOT = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

const DOCUMENTS = [
  '',
  'docs',
  'docs/internals',
  'docs/runbooks',
  'schemas',
  'deploy',
  'packages/client',
  'packages/testcontainers',
  'examples/go',
  'examples/java-avro',
  'examples/kafka-streams',
  'examples/node',
  'examples/python',
  'examples/spring-kafka',
  'examples/subscriber',
  'examples/testcontainers-java',
]
  .flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name)))
  .concat('test/lab/README.md')
  .filter((path) => path.endsWith('.md'))

const SOURCES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: read(join('src', file)) }))

const PROGRAM = await createProgram()
const COMMAND_LINES: readonly CommandLine[] = DOCUMENTS.flatMap((document) =>
  codeOf(read(document)).flatMap((code) =>
    [...code.matchAll(/(?:^|[\s/])paystatus ((?:-c \S+ )?)([a-z][a-z-]*(?: [a-z][a-z-]*)?)([^|;&#]*)/g)].map(
      ([, , words = '', rest = '']) => ({ document, words: words.split(' '), options: rest.match(/--[a-z-]+/g) ?? [] }),
    ),
  ),
)

test('the documents are found', () => {
  expect(DOCUMENTS).toEqual(expect.arrayContaining(['README.md', 'docs/consumers.md', 'docs/internals/stream.md']))
})

test.each([
  ['README.md', 150],
  ['ARCHITECTURE.md', 200],
])('%s has at most %i lines, so that it can be read in one go', (path, linesMax) => {
  expect(read(path).trimEnd().split('\n').length).toBeLessThanOrEqual(linesMax)
})

describe.each(DOCUMENTS)('%s', (document) => {
  const text = read(document)

  test('links only to files and headings that exist', () => {
    const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(document, target))
    expect(broken).toEqual([])
  })

  test('names only make targets that exist', () => {
    const targets = new Set([...read('Makefile').matchAll(/^([a-z-]+):/gm)].map(([, target]) => target))
    const named = codeOf(text).flatMap((code) =>
      [...code.matchAll(/\bmake ((?:[A-Z_]+=\S+ )*)([a-z][a-z-]*)/g)].map(([, , target]) => target),
    )
    expect(named.filter((target) => !targets.has(target))).toEqual([])
  })
})

describe('paystatus commands', () => {
  test('that the documents call exist, with these options', () => {
    expect(COMMAND_LINES.length).toBeGreaterThan(30)
    expect(COMMAND_LINES.filter(({ words, options }) => !accepts(words, options))).toEqual([])
  })

  test('all stand in docs/operations.md', () => {
    const table = read('docs/operations.md').split('\n## Commands\n')[1]?.split('\n## ')[0] ?? ''
    const names = PROGRAM.commands.flatMap(namesOf)
    expect(names.length).toBeGreaterThan(15)
    expect(names.filter((name) => !new RegExp(`\`${name}[\` ]`).test(table))).toEqual([])
  })
})

describe('error codes', () => {
  const operations = read('docs/operations.md')

  test('in docs/operations.md and docs/encryption.md are codes of src/', () => {
    const named = [...`${operations}${read('docs/encryption.md')}`.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)]
    expect(named.length).toBeGreaterThan(20)
    const unknown = named.filter(([, code]) => !SOURCES.some(({ text }) => text.includes(`'${code}'`)))
    expect(unknown.map(([, code]) => code)).toEqual([])
  })

  test('with which a process stops on purpose are all in docs/operations.md', () => {
    const codes = SOURCES.flatMap(({ text }) => stopCodesOf(text))
    expect(codes).toEqual(expect.arrayContaining(['PARTITIONS_CHANGED', 'CHANGES_TRUNCATED', 'SCHEMA_ID_UNKNOWN']))
    expect([...new Set(codes)].filter((code) => !operations.includes(`\`${code}\``))).toEqual([])
  })
})

describe('invariants', () => {
  const rows = [...read('ARCHITECTURE.md').matchAll(/^\| (I\d+) \| ([^|]+) \| ([^|]+) \|$/gm)]

  test('are I1 to I10', () => {
    expect(rows.map(([, number]) => number)).toEqual(Array.from({ length: 10 }, (_, index) => `I${index + 1}`))
  })

  test.each(rows.map(([, number = '', , links = '']) => ({ number, links })))(
    '$number is cited by the tests that are said to hold it',
    ({ number, links }) => {
      const files = [...links.matchAll(/\]\(([^)]+)\)/g)].map(([, file = '']) => file)
      expect(files.length).toBeGreaterThan(0)
      expect(files.filter((file) => !new RegExp(`\\b${number}\\b`).test(read(file)))).toEqual([])
    },
  )
})

/** Inline code, indented blocks and fenced blocks. */
function codeOf(text: string): string[] {
  return [
    ...[...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code),
    ...text.split('\n').filter((line) => line.startsWith('    ')),
    ...[...text.matchAll(/^```[a-z]*\n(.*?)^```/gms)].flatMap(([, block = '']) => block.split('\n')),
  ]
}

interface CommandLine {
  readonly document: string
  readonly words: readonly string[]
  readonly options: readonly string[]
}

/** Whether the words begin with a command, or a command and its subcommand, that has all these options. */
function accepts([name, next]: readonly string[], options: readonly string[]): boolean {
  const command = PROGRAM.commands.find((one) => one.name() === name)
  const called = command?.commands.length ? command.commands.find((one) => one.name() === next) : command
  const known = [...PROGRAM.options, ...(called?.options ?? [])].map(({ long }) => long)
  return called !== undefined && options.every((option) => option === '--help' || known.includes(option))
}

function namesOf(command: Command): string[] {
  return command.commands.length === 0
    ? [command.name()]
    : command.commands.map((one) => `${command.name()} ${one.name()}`)
}

function leadsSomewhere(document: string, target: string): boolean {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? document : relative(ROOT, resolve(ROOT, dirname(document), path))
  return existsSync(join(ROOT, file)) && (anchor === undefined || anchorsOf(read(file)).includes(anchor))
}

/** The anchors that code hosts derive from headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
}

/** The codes of a file's `new DefinedStop(…)`; all codes in the file if an expression chooses one. */
function stopCodesOf(text: string): string[] {
  return [...text.matchAll(/new DefinedStop\(\s*('([A-Z_]+)')?/g)].flatMap(([, literal, code = '']) =>
    literal === undefined ? [...text.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, one = '']) => one) : [code],
  )
}
