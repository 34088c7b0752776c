import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { instamed } from '../../src/providers/instamed/translate.ts'
import {
  CALLBACK_FILE_BYTES_MAX,
  CallbackFilesError,
  readCallbackFiles,
  toCallbackFile,
} from '../../src/tools/callback-files.ts'

const BODY = Buffer.from('{}')
const callbackIn = (file: string, options: { contentType?: string; namespace?: string; currency?: string } = {}) =>
  toCallbackFile(file, 3, BODY, { provider: instamed, ...options }).callback

describe('a file as a callback', () => {
  test('gets from the options and its position everything that the gateway would add', () => {
    expect(toCallbackFile('a.json', 3, BODY, { provider: instamed })).toEqual({
      file: 'a.json',
      callback: {
        callbackId: '00000000-0000-7000-8000-000000000003',
        source: 'offline',
        namespace: 'instamed',
        currency: null,
        receivedAt: 3,
        contentType: 'application/json',
        authenticity: [],
        body: BODY,
      },
    })
    expect(callbackIn('a', { namespace: 'clinic', currency: 'USD' })).toMatchObject({
      namespace: 'clinic',
      currency: 'USD',
    })
  })

  test.each([
    ['a.json', 'application/json'],
    ['a.form', 'application/x-www-form-urlencoded'],
    ['a.XML', 'application/xml'],
    ['a.form.txt', 'application/json'],
    ['a', 'application/json'],
  ])('%s is %s unless the option says otherwise', (file, contentType) => {
    expect(callbackIn(file).contentType).toBe(contentType)
    expect(callbackIn(file, { contentType: 'text/plain' }).contentType).toBe('text/plain')
  })
})

describe('reading', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'paystatus-callback-files-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('keeps the bytes unchanged', () => {
    const file = join(folder, 'bytes')
    writeFileSync(file, Buffer.from([0xff, 0x00, 0x0a]))
    const [read] = readCallbackFiles([file], { provider: instamed })
    expect(read?.callback.body).toEqual(Buffer.from([0xff, 0x00, 0x0a]))
  })

  test('reads a large file completely', () => {
    const body = Buffer.alloc(200_001, 'callback ')
    const file = join(folder, 'long')
    writeFileSync(file, body)
    const [read] = readCallbackFiles([file], { provider: instamed })
    expect(read?.callback.body.equals(body)).toBe(true)
  })

  test('refuses files too large to be callbacks, even endless ones', () => {
    const file = join(folder, 'largest')
    writeFileSync(file, Buffer.alloc(CALLBACK_FILE_BYTES_MAX))
    expect(readCallbackFiles([file], { provider: instamed })).toHaveLength(1)
    appendFileSync(file, 'x')
    const tooLarge = 'it is larger than 16777216 bytes and cannot be a callback'
    expect(() => readCallbackFiles([file, '/dev/zero'], { provider: instamed })).toThrow(
      `cannot read ${file}: ${tooLarge}; /dev/zero: ${tooLarge}`,
    )
  })

  test('names every unreadable file and the reason', () => {
    const missing = join(folder, 'missing')
    const read = () => readCallbackFiles([missing, folder], { provider: instamed })
    expect(read).toThrow(CallbackFilesError)
    expect(read).toThrow(`cannot read ${missing}: no such file; ${folder}: it is a directory`)
  })
})
