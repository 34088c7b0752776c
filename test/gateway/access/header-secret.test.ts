import { describe, expect, test } from 'vitest'
import { headerSecret } from '../../../src/gateway/access/header-secret.ts'
import { callerOf, noFiles, randomSecret, secret } from './caller-of.ts'

const [OLD, NEW] = [`${randomSecret()}-ß`, randomSecret()]
const requirement = headerSecret(
  { type: 'header', header: 'X-Callback-Key', secrets: [secret(OLD), secret(NEW)] },
  'test',
  noFiles(),
)
const check = (headers: Record<string, string | string[]>) => requirement.checkHead(callerOf({ headers }))

describe('a secret header', () => {
  test('accepts each valid secret, in any case of the header’s name', () => {
    const asNodeReadsIt = Buffer.from(OLD, 'utf8').toString('latin1')
    expect(check({ 'x-callback-key': asNodeReadsIt })).toEqual({ holds: true, kind: 'header' })
    expect(check({ 'x-callback-key': NEW })).toEqual({ holds: true, kind: 'header' })
  })

  test.each([
    ['no header', {}, 'no-secret'],
    ['an empty header', { 'x-callback-key': '' }, 'wrong-secret'],
    ['another secret', { 'x-callback-key': randomSecret() }, 'wrong-secret'],
    ['the beginning of the secret', { 'x-callback-key': NEW.slice(0, -1) }, 'wrong-secret'],
    ['the secret twice', { 'x-callback-key': `${NEW}, ${NEW}` }, 'wrong-secret'],
    ['the secret under another name', { 'x-other': NEW }, 'no-secret'],
    ['a list', { 'x-callback-key': [NEW] }, 'wrong-secret'],
  ])('refuses %s', (_what, headers, reason) => {
    expect(check(headers)).toEqual({ holds: false, reason })
  })

  test('has no challenge, because HTTP defines no scheme for it', () => {
    expect(requirement.challenge).toBeNull()
  })
})
