import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { hmac } from '../../../src/gateway/access/hmac.ts'
import type { AuthenticationOf, Requirement } from '../../../src/gateway/access/requirement.ts'
import { standardWebhooks } from '../../../src/gateway/access/standard-webhooks.ts'
import { callerOf, noFiles, randomSecret, secret } from './caller-of.ts'

const NOW = Date.UTC(2026, 10, 23, 8)
const NOW_SECONDS = NOW / 1_000
const BODY = Buffer.from([0x7b, 0x22, 0xff, 0x00, 0x7d])

/** Refused by its head, refused by its body, or the kind it is accepted as. */
function outcome(requirement: Requirement, headers: Record<string, string>, body: Buffer = BODY): string {
  const verdict = requirement.checkHead(callerOf({ headers }))
  if (!verdict.holds) {
    return verdict.reason
  }
  return verdict.checkBody?.(body) === true ? verdict.kind : 'wrong-body'
}

describe('an HMAC of the body', () => {
  const [OLD, NEW] = [randomSecret(), randomSecret()]
  const requirement = (more: Partial<AuthenticationOf<'hmac'>> = {}) =>
    hmac(
      {
        type: 'hmac',
        header: 'X-Signature',
        secrets: [secret(OLD), secret(NEW)],
        algorithm: 'sha256',
        encoding: 'hex',
        prefix: '',
        timestamp: null,
        ...more,
      },
      'test',
      noFiles(),
      () => NOW,
    )
  const signature = (key: string, encoding: 'hex' | 'base64' = 'hex', before = '', algorithm = 'sha256') =>
    createHmac(algorithm, key).update(before).update(BODY).digest(encoding)

  test('is accepted with each valid secret, over the raw bytes', () => {
    expect(outcome(requirement(), { 'x-signature': signature(OLD) })).toBe('hmac')
    expect(outcome(requirement(), { 'x-signature': signature(NEW) })).toBe('hmac')
  })

  test('may be longer, in base64, and have a prefix', () => {
    const other = requirement({ algorithm: 'sha512', encoding: 'base64', prefix: 'v0=' })
    expect(outcome(other, { 'x-signature': `v0=${signature(NEW, 'base64', '', 'sha512')}` })).toBe('hmac')
    expect(outcome(other, { 'x-signature': signature(NEW, 'base64', '', 'sha512') })).toBe('malformed-signature')
  })

  test('is refused once the body is read if the body or the key differs', () => {
    expect(outcome(requirement(), { 'x-signature': signature(NEW) }, Buffer.from('{"x":1}'))).toBe('wrong-body')
    expect(outcome(requirement(), { 'x-signature': signature(randomSecret()) })).toBe('wrong-body')
  })

  test.each([
    ['is missing', {}, 'no-signature'],
    ['is empty', { 'x-signature': '' }, 'malformed-signature'],
    ['is too short', { 'x-signature': 'abcd' }, 'malformed-signature'],
    ['is not hex', { 'x-signature': 'x'.repeat(64) }, 'malformed-signature'],
  ])('is refused before the body if it %s', (_what, headers, reason) => {
    expect(outcome(requirement(), headers)).toBe(reason)
  })

  test('may cover a timestamp, which must be close to now', () => {
    const timed = requirement({ timestamp: { header: 'X-Time', separator: '.', toleranceSeconds: 300 } })
    const at = (seconds: number) => ({
      'x-time': String(seconds),
      'x-signature': signature(NEW, 'hex', `${seconds}.`),
    })
    expect(outcome(timed, at(NOW_SECONDS - 300))).toBe('hmac')
    expect(outcome(timed, at(NOW_SECONDS + 300))).toBe('hmac')
    expect(outcome(timed, at(NOW_SECONDS - 301))).toBe('untimely')
    expect(outcome(timed, at(NOW_SECONDS + 301))).toBe('untimely')
    expect(outcome(timed, { ...at(NOW_SECONDS), 'x-time': `${NOW_SECONDS - 1}` })).toBe('wrong-body')
    expect(outcome(timed, { 'x-signature': signature(NEW) })).toBe('untimely')
  })
})

describe('Standard Webhooks', () => {
  const whsec = () => `whsec_${randomBytes(32).toString('base64')}`
  const [OLD, NEW] = [whsec(), whsec()]
  const requirement = (...secrets: string[]) =>
    standardWebhooks(
      { type: 'standard-webhooks', secrets: secrets.map(secret), toleranceSeconds: 300 },
      'test',
      noFiles(),
      () => NOW,
    )
  /** Signed by the reference implementation of the specification's authors. */
  const signed = (key: string, body: string, seconds = NOW_SECONDS, id = 'msg_p5jXN8AQM9LWM0D4loKWxJek') => ({
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': new Webhook(key).sign(id, new Date(seconds * 1_000), body),
  })
  const JSON_BODY = '{"test": 2432232314, "text": "żółć"}'
  const body = Buffer.from(JSON_BODY)

  test('accepts what the reference implementation signs', () => {
    expect(outcome(requirement(NEW), signed(NEW, JSON_BODY), body)).toBe('standard-webhooks')
    expect(outcome(requirement(NEW), signed(NEW, ''), Buffer.alloc(0))).toBe('standard-webhooks')
  })

  test('accepts each key during rotation, on either side', () => {
    expect(outcome(requirement(OLD, NEW), signed(OLD, JSON_BODY), body)).toBe('standard-webhooks')
    expect(outcome(requirement(OLD, NEW), signed(NEW, JSON_BODY), body)).toBe('standard-webhooks')
    const byOld = signed(OLD, JSON_BODY)
    const both = `${byOld['webhook-signature']} ${signed(NEW, JSON_BODY)['webhook-signature']}`
    expect(outcome(requirement(NEW), { ...byOld, 'webhook-signature': both }, body)).toBe('standard-webhooks')
    expect(outcome(requirement(NEW), byOld, body)).toBe('wrong-body')
  })

  test('accepts an asymmetric signature (v1a)', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
    const headers = (text: string) => ({
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(NOW_SECONDS),
      'webhook-signature': `v1a,${sign(null, Buffer.from(`msg_1.${NOW_SECONDS}.${text}`), privateKey).toString('base64')}`,
    })
    const asymmetric = requirement(`whpk_${raw.toString('base64')}`)
    expect(outcome(asymmetric, headers(JSON_BODY), body)).toBe('standard-webhooks')
    expect(outcome(asymmetric, headers('{}'), body)).toBe('wrong-body')
    expect(outcome(asymmetric, signed(NEW, JSON_BODY), body)).toBe('wrong-body')
  })

  test.each([
    ['body', (headers: Record<string, string>) => headers, Buffer.from('{"test": 2432232315}')],
    ['id', (headers: Record<string, string>) => ({ ...headers, 'webhook-id': 'msg_2' }), body],
    ['time', (headers: Record<string, string>) => ({ ...headers, 'webhook-timestamp': `${NOW_SECONDS - 1}` }), body],
  ])('refuses another %s than was signed', (_what, change, sentBody) => {
    expect(outcome(requirement(NEW), change(signed(NEW, JSON_BODY)), sentBody)).toBe('wrong-body')
  })

  test.each([
    ['webhook-id', '', 'no-signature'],
    ['webhook-timestamp', '', 'untimely'],
    ['webhook-timestamp', 'soon', 'untimely'],
    ['webhook-signature', '', 'malformed-signature'],
    ['webhook-signature', 'v1,AAAA', 'malformed-signature'],
    ['webhook-signature', `v2,${Buffer.alloc(32).toString('base64')}`, 'malformed-signature'],
  ])('refuses %s: %j before the body', (name, value, reason) => {
    expect(outcome(requirement(NEW), { ...signed(NEW, JSON_BODY), [name]: value }, body)).toBe(reason)
  })

  test('refuses timestamps that are too old or in the future, as the reference implementation does', () => {
    expect(outcome(requirement(NEW), signed(NEW, JSON_BODY, NOW_SECONDS - 300), body)).toBe('standard-webhooks')
    expect(outcome(requirement(NEW), signed(NEW, JSON_BODY, NOW_SECONDS - 301), body)).toBe('untimely')
    expect(outcome(requirement(NEW), signed(NEW, JSON_BODY, NOW_SECONDS + 301), body)).toBe('untimely')
  })
})
