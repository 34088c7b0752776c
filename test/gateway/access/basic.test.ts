import { describe, expect, test } from 'vitest'
import { basic } from '../../../src/gateway/access/basic.ts'
import { callerOf, noFiles, randomSecret, secret } from './caller-of.ts'

const [OLD, NEW] = [`${randomSecret()}:wörd`, randomSecret()]
const requirement = basic({ type: 'basic', username: 'jpm', passwords: [secret(OLD), secret(NEW)] }, 'test', noFiles())
const encoded = (text: string): string => Buffer.from(text, 'utf8').toString('base64')
const check = (authorization?: string) =>
  requirement.checkHead(callerOf({ headers: authorization === undefined ? {} : { authorization } }))

describe('HTTP Basic', () => {
  test.each([
    ['Basic', OLD],
    ['basic', NEW],
    ['BASIC', NEW],
  ])('takes scheme %s with a password that is valid', (scheme, password) => {
    expect(check(`${scheme} ${encoded(`jpm:${password}`)}`)).toEqual({ holds: true, kind: 'basic' })
  })

  test.each([
    ['no header', undefined, 'no-credentials'],
    ['an empty header', '', 'wrong-credentials'],
    ['a scheme alone', 'Basic', 'wrong-credentials'],
    ['another scheme', `Bearer ${encoded(`jpm:${NEW}`)}`, 'wrong-credentials'],
    ['another password', `Basic ${encoded(`jpm:${randomSecret()}`)}`, 'wrong-credentials'],
    ['another user', `Basic ${encoded(`jp:${NEW}`)}`, 'wrong-credentials'],
    ['no colon', `Basic ${encoded('jpm')}`, 'wrong-credentials'],
    ['what is not base64', 'Basic ???', 'wrong-credentials'],
  ])('refuses %s', (_what, authorization, reason) => {
    expect(check(authorization)).toEqual({ holds: false, reason })
  })

  test('challenges', () => {
    expect(requirement.challenge).toMatch(/^Basic realm=/)
  })
})
