import { describe, expect, test } from 'vitest'
import { authenticatorOf } from '../../src/gateway/authenticate.ts'

describe('a source without authentication', () => {
  const authenticator = authenticatorOf({ type: 'none' })

  test('takes every caller', () => {
    expect(authenticator.authenticate({ headers: {} })).toBe(true)
    expect(authenticator.challenge).toBeNull()
  })
})

describe('a source with a secret header', () => {
  const authenticator = authenticatorOf({ type: 'header', header: 'X-Callback-Key', secret: 'geheim-ß' })

  test('takes the exact secret, whatever the case of the header’s name', () => {
    const asNodeReadsIt = Buffer.from('geheim-ß', 'utf8').toString('latin1')
    expect(authenticator.authenticate({ headers: { 'x-callback-key': asNodeReadsIt } })).toBe(true)
  })

  test.each([
    ['no header', {}],
    ['an empty header', { 'x-callback-key': '' }],
    ['another secret', { 'x-callback-key': 'geheim' }],
    ['the secret twice', { 'x-callback-key': 'geheim-ß, geheim-ß' }],
    ['the secret under another name', { 'x-other': 'geheim-ß' }],
    ['a list', { 'x-callback-key': ['geheim-ß'] }],
  ])('refuses %s', (_what, headers) => {
    expect(authenticator.authenticate({ headers })).toBe(false)
  })

  test('has no challenge, since HTTP knows no scheme for it', () => {
    expect(authenticator.challenge).toBeNull()
  })
})

describe('a source with HTTP Basic', () => {
  const authenticator = authenticatorOf({ type: 'basic', username: 'jpm', password: 'pa:ss wörd' })
  const basic = (text: string): string => Buffer.from(text, 'utf8').toString('base64')

  test.each(['Basic', 'basic', 'BASIC'])('takes the exact credentials with scheme %s', (scheme) => {
    expect(authenticator.authenticate({ headers: { authorization: `${scheme} ${basic('jpm:pa:ss wörd')}` } })).toBe(
      true,
    )
  })

  test.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['a scheme alone', 'Basic'],
    ['another scheme', `Bearer ${basic('jpm:pa:ss wörd')}`],
    ['another password', `Basic ${basic('jpm:pa:ss')}`],
    ['another user', `Basic ${basic('jp:pa:ss wörd')}`],
    ['no colon', `Basic ${basic('jpm')}`],
    ['what is not base64', 'Basic ???'],
  ])('refuses %s', (_what, authorization) => {
    expect(authenticator.authenticate({ headers: authorization === undefined ? {} : { authorization } })).toBe(false)
  })

  test('challenges', () => {
    expect(authenticator.challenge).toMatch(/^Basic realm=/)
  })
})
