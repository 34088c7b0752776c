import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { readYaml, YamlProblems } from '../../src/config/read-yaml.ts'

const SECRET = 'S3cr3tPw'

function problemsOf(text: string): readonly string[] {
  try {
    readYaml(text)
  } catch (error) {
    if (error instanceof YamlProblems) {
      return error.problems
    }
    throw error
  }
  return []
}

describe('readYaml', () => {
  beforeEach(() => {
    vi.spyOn(process, 'emitWarning').mockReturnValue()
    vi.spyOn(console, 'warn').mockReturnValue()
  })
  afterEach(() => {
    expect(process.emitWarning).not.toHaveBeenCalled()
    expect(console.warn).not.toHaveBeenCalled()
    vi.restoreAllMocks()
  })

  test('reads a document, with anchors and aliases', () => {
    expect(readYaml('a: &x { b: 1 }\nc: [*x, "!text"]\n')).toEqual({ a: { b: 1 }, c: [{ b: 1 }, '!text'] })
    expect(readYaml('# nothing\n')).toBeNull()
  })

  test('accepts what the library only warns about', () => {
    expect(readYaml('%YAML 1.9\n---\na: {\n}\n')).toEqual({ a: {} })
  })

  test('says where an unknown tag or alias is, and of which key (I9)', () => {
    expect(problemsOf(`redis: { password: !vault "${SECRET}" }`)).toEqual([
      expect.stringMatching(/^redis\.password: has a tag .* that is not known.*\(line 1, column 20\)$/),
    ])
    expect(problemsOf(`redis:\n  password: { file: !secret ${SECRET} }`)).toEqual([
      expect.stringMatching(/^redis\.password\.file: has a tag .*\(line 2, column 21\)$/),
    ])
    expect(problemsOf(`redis:\n  password: *${SECRET}\n`)).toEqual([
      expect.stringMatching(/^redis\.password: has an alias .*\(line 2, column 13\)$/),
    ])
    expect(problemsOf(`a: !x 1\nb: [1, { c: !!str { d: 1 } }]\n`)).toEqual([
      expect.stringMatching(/^a: has a tag /),
      expect.stringMatching(/^b\.1\.c: has a tag /),
    ])
  })

  test.each([
    [`password: !vault "${SECRET}"`, 'not known'],
    [`password: !<${SECRET}`, 'not known'],
    [`password: !x!${SECRET} 1`, 'not known'],
    [`password: !!int ${SECRET}`, 'not known'],
    [`password: *${SECRET}`, 'without its anchor'],
    [`${SECRET}: 1\n${SECRET}: 2`, 'twice (line 2'],
    [`password: "\\${SECRET}"`, 'backslash'],
    [`password: "${SECRET}`, 'is missing'],
    [`password: @${SECRET}`, 'has a meaning'],
    [`password: ${SECRET}: 1`, 'contains ": "'],
    [`a: 1\n password: ${SECRET}`, 'indented too far'],
    [`password: [${SECRET}`, 'not closed'],
    [`\tpassword: ${SECRET}`, 'a tab'],
    [`? [${SECRET}]\n: 1`, 'not a text'],
    [`{ !x ${SECRET}: 1 }`, 'not a text'],
    [`%${SECRET}`, 'is missing'],
    [`a: 1\n---\npassword: ${SECRET}`, 'second YAML document; keep one'],
    [Buffer.from(`password: ${SECRET}`, 'utf16le').toString('utf8'), 'save it as UTF-8'],
    [Buffer.from(`\ufeffpassword: ${SECRET}`, 'utf16le').swap16().toString('utf8'), 'save it as UTF-8'],
  ])('never quotes the text: %j (I9)', (text, expected) => {
    const problems = problemsOf(text).join('\n')
    expect(problems).toContain(expected)
    expect(problems).not.toContain(SECRET.slice(1))
  })

  test('refuses aliases that multiply the document (I10)', () => {
    const tenOf = (name: string) => `[${Array(10).fill(name).join(', ')}]`
    const text = `a: &a ${tenOf('x')}\nb: &b ${tenOf('*a')}\nc: &c ${tenOf('*b')}\nd: ${tenOf('*c')}\n`
    expect(problemsOf(text)).toEqual(['has aliases that repeat too much of the file'])
  })
})
