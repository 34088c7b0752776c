import { describe, expect, test } from 'vitest'
import { crashText, createLogger, serializeError, shownMessage } from '../../src/observability/log.ts'

function capture(level: 'info' | 'debug' = 'info') {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger({
    level,
    role: 'gateway',
    destination: { write: (line: string) => void lines.push(JSON.parse(line)) },
  })
  return { logger, lines }
}

class OwnError extends Error {
  readonly code = 'OWN'
  readonly retriable = true
  readonly command = { args: ['4111111111111111'] }
  override readonly name = 'OwnError'
}

describe('createLogger', () => {
  test('writes one JSON line with ISO time, the level’s name and the role', () => {
    const { logger, lines } = capture()
    logger.info({ partition: 3 }, 'lane opened')
    logger.debug('not at this level')
    expect(lines).toEqual([
      { level: 'info', time: expect.stringMatching(/^\d{4}-.*Z$/), role: 'gateway', partition: 3, msg: 'lane opened' },
    ])
  })

  test('redacts what should not be logged (I9)', () => {
    const { logger, lines } = capture()
    const secret = 'hunter2'
    logger.info(
      {
        authorization: secret,
        password: secret,
        body: secret,
        request: { headers: { 'x-key': secret }, body: secret },
        config: { source: { secret } },
      },
      'x',
    )
    expect(lines).toHaveLength(1)
    expect(JSON.stringify(lines)).not.toContain(secret)
  })

  test('keeps only name, code, message, stack and cause of an error (I9)', () => {
    const { logger, lines } = capture()
    logger.error({ err: new OwnError('it broke', { cause: new Error('because') }) }, 'x')
    expect(lines[0]?.['err']).toEqual({
      name: 'OwnError',
      code: 'OWN',
      retriable: true,
      message: 'it broke',
      stack: expect.stringContaining('log.test.ts'),
      cause: { name: 'Error', message: 'because', stack: expect.any(String) },
    })
  })

  test.each([
    ['as a field', (error: Error) => ({ err: error })],
    ['alone', (error: Error) => error],
  ])('does not repeat text that did not parse, given %s (I9)', (_how, wrap) => {
    const { logger, lines } = capture()
    let error: Error | undefined
    try {
      JSON.parse('card-4111')
    } catch (caught) {
      error = caught as Error
    }
    expect(error?.message).toContain('4111')
    logger.error(wrap(error as Error))
    expect(lines).toHaveLength(1)
    expect(lines[0]?.['err']).toMatchObject({ name: 'SyntaxError' })
    expect(JSON.stringify(lines)).not.toContain('4111')
  })
})

describe('serializeError', () => {
  test('hides credentials in an address (I9)', () => {
    expect(serializeError(new Error('connect redis://user:hunter2@cache:6379')).message).toBe(
      'connect redis://(redacted)@cache:6379',
    )
  })

  test('bounds the message and the chain of causes (I10)', () => {
    let error = new Error('root')
    for (let n = 0; n < 20; n += 1) {
      error = new Error('x'.repeat(10_000), { cause: error })
    }
    expect(JSON.stringify(serializeError(error)).length).toBeLessThan(50_000)
  })

  test('logs a thrown non-error without its value (I9)', () => {
    expect(serializeError('hunter2')).toEqual({
      name: 'string',
      message: expect.not.stringContaining('hunter2'),
      stack: '',
    })
  })
})

describe('the last output of a process (I9)', () => {
  const secret = 'Jane Doe 4111111111111111'
  const syntaxError = () => {
    try {
      return JSON.parse(`{"name": ${secret}`)
    } catch (error) {
      return error
    }
  }

  test.each([
    ['an error', new Error(secret)],
    ['one that quotes its input', syntaxError()],
    ['one with a cause', new Error(secret, { cause: new TypeError(secret) })],
    ['one that holds something', Object.assign(new RangeError(secret), { code: 'E_CODE', record: { value: secret } })],
    ['no error at all', secret],
  ])('names class and place of %s, and never its message', (_what, error) => {
    const text = crashText(error)
    expect(text).not.toContain('Jane')
    expect(text).not.toContain('4111')
    if (error instanceof Error) {
      expect(text).toContain(error.constructor.name)
      expect(text).toMatch(/^\s+at /m)
    }
  })

  test('an expected error keeps its message, without quoted input and credentials', () => {
    expect(shownMessage(new Error('x'.repeat(2_000)))).toHaveLength(2_000)
    expect(shownMessage(syntaxError() as Error)).not.toContain('Jane')
    expect(shownMessage(new Error('http://user:pass@host refused'))).toBe('http://(redacted)@host refused')
  })
})
