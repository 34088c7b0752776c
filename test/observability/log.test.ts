import { describe, expect, test } from 'vitest'
import { createLogger, serializeError } from '../../src/observability/log.ts'

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

  test('hides what should not have been given to it (I9)', () => {
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

  test('keeps name, code, message and stack of an error, and its cause, and no other property (I9)', () => {
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

  test('takes what is not an error without its value (I9)', () => {
    expect(serializeError('hunter2')).toEqual({
      name: 'string',
      message: expect.not.stringContaining('hunter2'),
      stack: '',
    })
  })
})
