import { X509Certificate } from 'node:crypto'
import { id_ce_deltaCRLIndicator, id_kp_clientAuth, id_kp_serverAuth, KeyUsageFlags } from '@peculiar/asn1-x509'
import { describe, expect, test, vi } from 'vitest'
import { parseCertificate } from '../../src/pki/certificate.ts'
import { matchesPin, parsePin } from '../../src/pki/pin.ts'
import { parseRevocationLists } from '../../src/pki/revocation-list.ts'
import { toTrust, verifyClientCertificate } from '../../src/pki/verify-client-certificate.ts'
import {
  type CertificateOptions,
  certificate,
  ecKeys,
  extension,
  type Issued,
  type RevocationOptions,
  revocationList,
  rootCa,
  rsaKeys,
  spkiPin,
  tampered,
} from './certificate-authority.ts'

const DAY_MS = 86_400_000
const NOW = Date.now()
const daysFromNow = (days: number) => new Date(NOW + days * DAY_MS)

const ROOT = rootCa('CN=Root')
const OTHER_ROOT = rootCa('CN=Other root')
/** The same name, another key. */
const IMPOSTOR = rootCa('CN=Root')
const INTERMEDIATE = certificate('CN=Intermediate', ROOT, { ca: true, pathLength: 0 })
const OLD_KEYS = rsaKeys(1_024)

/** 'ok', or why not. */
function outcome(leaf: Issued, { sent = [], bundle = [ROOT], crls = null }: Shown = {}): string {
  const lists = crls === null ? null : crls.flatMap((crl) => parseRevocationLists(Buffer.from(crl)))
  const trust = toTrust(bundle.map(({ pem }) => pem).join(''), lists)
  const verdict = verifyClientCertificate(
    parseCertificate(leaf.der),
    sent.map(({ der }) => parseCertificate(der)),
    trust,
    NOW,
  )
  return verdict.ok ? 'ok' : verdict.reason
}

interface Shown {
  readonly sent?: readonly Issued[]
  readonly bundle?: readonly Issued[]
  readonly crls?: readonly string[] | null
}

const client = (options: CertificateOptions = {}, issuer: Issued | null = ROOT) =>
  certificate('CN=caller', issuer, options)

describe('a client certificate is accepted', { timeout: 30_000 }, () => {
  test('from the CA itself, and through an intermediate CA that is sent or in the bundle', () => {
    expect(outcome(client())).toBe('ok')
    expect(outcome(client({}, INTERMEDIATE), { sent: [INTERMEDIATE] })).toBe('ok')
    expect(outcome(client({}, INTERMEDIATE), { bundle: [INTERMEDIATE, ROOT] })).toBe('ok')
  })

  test('when the bundle deliberately ends with an intermediate CA', () => {
    expect(outcome(client({}, INTERMEDIATE), { bundle: [INTERMEDIATE] })).toBe('ok')
    expect(outcome(client({}, ROOT), { bundle: [INTERMEDIATE] })).toBe('unknown-issuer')
  })

  test('whatever else is sent along', () => {
    const sent = [OTHER_ROOT, IMPOSTOR, INTERMEDIATE, client(), ROOT]
    expect(outcome(client({}, INTERMEDIATE), { sent })).toBe('ok')
  })

  test('without key usage restrictions, and with an RSA key of 2,048 bits', () => {
    expect(outcome(client({ keyUsage: null, extendedKeyUsage: null }))).toBe('ok')
    expect(outcome(client({ keys: rsaKeys(2_048) }))).toBe('ok')
  })

  test('until the first certificate or revocation list of its chain expires', () => {
    const shortLived = certificate('CN=Short', ROOT, { ca: true, notAfter: daysFromNow(3) })
    const verdict = (crls: readonly string[] | null) =>
      verifyClientCertificate(
        parseCertificate(client({}, shortLived).der),
        [parseCertificate(shortLived.der)],
        toTrust(ROOT.pem, crls?.flatMap((crl) => parseRevocationLists(Buffer.from(crl))) ?? null),
        NOW,
      )
    const seconds = (ms: number) => Math.floor(ms / 1_000)
    const until = verdict(null)
    expect(until.ok && seconds(until.until)).toBe(seconds(daysFromNow(3).getTime()))
    const crls = [revocationList(ROOT, []), revocationList(shortLived, [], { nextUpdate: daysFromNow(2) })]
    const untilCrl = verdict(crls)
    expect(untilCrl.ok && untilCrl.until <= daysFromNow(1.01).getTime()).toBe(true)
  })
})

describe('a client certificate is refused', { timeout: 30_000 }, () => {
  const bystander = certificate('CN=bystander', ROOT)
  const noCa = certificate('CN=No CA', ROOT, { keyUsage: null })
  const cannotSign = certificate('CN=Cannot sign', ROOT, { ca: true, keyUsage: KeyUsageFlags.cRLSign })
  const expiredCa = certificate('CN=Expired CA', ROOT, { ca: true, notAfter: daysFromNow(-1) })
  const serverCa = certificate('CN=Server CA', ROOT, { ca: true, extendedKeyUsage: [id_kp_serverAuth] })
  const tooDeep = certificate('CN=Too deep', INTERMEDIATE, { ca: true })
  const weakCa = certificate('CN=Weak CA', ROOT, { ca: true, keys: OLD_KEYS })
  const sha1Ca = certificate('CN=SHA-1 CA', ROOT, { ca: true, hash: 'sha1' })

  test.each<[what: string, leaf: Issued, reason: string, shown?: Shown]>([
    ['expired', client({ notAfter: daysFromNow(-1) }), 'expired'],
    ['not valid yet', client({ notBefore: daysFromNow(1) }), 'not-yet-valid'],
    ['from another CA', client({}, OTHER_ROOT), 'unknown-issuer'],
    ['from another CA of the same name', client({}, IMPOSTOR), 'unknown-issuer'],
    ['signed by itself', client({}, null), 'self-signed'],
    ['changed after it was signed', tampered(client()), 'bad-signature'],
    ['for servers only', client({ extendedKeyUsage: [id_kp_serverAuth] }), 'not-for-client-authentication'],
    [
      'for any purpose, but not for clients',
      client({ extendedKeyUsage: ['2.5.29.37.0'] }),
      'not-for-client-authentication',
    ],
    ['not for signatures', client({ keyUsage: KeyUsageFlags.keyEncipherment }), 'not-for-client-authentication'],
    ['that of the CA itself', ROOT, 'is-a-ca'],
    ['that of an intermediate CA', INTERMEDIATE, 'is-a-ca'],
    ['with a short RSA key', client({ keys: OLD_KEYS }), 'weak-key'],
    ['signed with SHA-1', client({ hash: 'sha1' }), 'weak-signature'],
    [
      'with an unusual critical extension',
      client({ extensions: [extension('1.3.6.1.4.1.32473.1', true, null)] }),
      'unknown-critical-extension',
    ],
    ['without its intermediate CA', client({}, INTERMEDIATE), 'unknown-issuer'],
    ['below what is no CA', client({}, noCa), 'issuer-is-no-ca', { sent: [noCa] }],
    ['below another client', client({}, bystander), 'unknown-issuer', { sent: [bystander] }],
    ['below a CA that may not sign', client({}, cannotSign), 'unknown-issuer', { sent: [cannotSign] }],
    ['below an expired CA', client({}, expiredCa), 'expired', { sent: [expiredCa] }],
    ['below a CA for servers', client({}, serverCa), 'not-for-client-authentication', { sent: [serverCa] }],
    ['below more CAs than allowed', client({}, tooDeep), 'path-too-long', { sent: [tooDeep, INTERMEDIATE] }],
    ['below a CA with a short key', client({}, weakCa), 'weak-key', { sent: [weakCa] }],
    ['below a CA signed with SHA-1', client({}, sha1Ca), 'weak-signature', { sent: [sha1Ca] }],
    ['below another root, which is sent along', client({}, OTHER_ROOT), 'unknown-issuer', { sent: [OTHER_ROOT] }],
  ])('that is %s', (_what, leaf, reason, shown) => {
    expect(outcome(leaf, shown)).toBe(reason)
  })

  test('below a root that has expired', () => {
    const expired = rootCa('CN=Expired root', { notAfter: daysFromNow(-1) })
    expect(outcome(client({}, expired), { bundle: [expired] })).toBe('expired')
  })

  test('after a bounded number of attempts, whatever CAs are sent (I10)', () => {
    const keys = ecKeys()
    const sameName = Array.from({ length: 10 }, () => rootCa('CN=Loop', { keys }))
    const leaf = client({}, sameName[0] as Issued)
    const verify = vi.spyOn(X509Certificate.prototype, 'verify')
    expect(outcome(leaf, { sent: sameName })).toBe('unknown-issuer')
    expect(verify.mock.calls.length).toBeLessThan(80)
    verify.mockRestore()
  })
})

describe('revocation', () => {
  const leaf = client({}, INTERMEDIATE)
  const list = (issuer: Issued, revoked: readonly Issued[] = [], options: RevocationOptions = {}) =>
    revocationList(issuer, revoked, options)
  const check = (...crls: string[]) => outcome(leaf, { sent: [INTERMEDIATE], crls })

  test('refuses certificates on their issuer’s list, at each link', () => {
    expect(check(list(ROOT), list(INTERMEDIATE))).toBe('ok')
    expect(check(list(ROOT), list(INTERMEDIATE, [client(), leaf]))).toBe('revoked')
    expect(check(list(ROOT, [INTERMEDIATE]), list(INTERMEDIATE))).toBe('revoked')
  })

  test('needs a current list of the issuer for each link', () => {
    expect(check(list(INTERMEDIATE))).toBe('no-revocation-list')
    expect(check(list(ROOT))).toBe('no-revocation-list')
    expect(check(list(ROOT), list(INTERMEDIATE, [], { signer: OTHER_ROOT }))).toBe('no-revocation-list')
    const past = { thisUpdate: daysFromNow(-3), nextUpdate: daysFromNow(-1) }
    expect(check(list(ROOT), list(INTERMEDIATE, [], past))).toBe('stale-revocation-list')
    expect(check(list(ROOT), list(INTERMEDIATE, [leaf], past))).toBe('revoked')
    expect(check(list(ROOT), list(INTERMEDIATE, [], past), list(INTERMEDIATE))).toBe('ok')
    expect(check(list(ROOT), list(INTERMEDIATE, [], { thisUpdate: daysFromNow(1) }))).toBe('stale-revocation-list')
  })

  test('also accepts a list in DER, and several in one file', () => {
    const der = Buffer.from(list(ROOT).replace(/-----[^-]+-----/g, ''), 'base64')
    expect(parseRevocationLists(der)).toHaveLength(1)
    expect(parseRevocationLists(Buffer.from(list(ROOT) + list(INTERMEDIATE)))).toHaveLength(2)
  })

  test('refuses an invalid list, one without an expiry time, and a partial one', () => {
    const parse = (content: string) => () => parseRevocationLists(Buffer.from(content))
    expect(parse('nothing')).toThrow('is not a CRL')
    expect(parse(ROOT.pem)).toThrow('is not a CRL')
    expect(parse(list(ROOT, [], { nextUpdate: null }))).toThrow('nextUpdate')
    expect(parse(list(ROOT, [], { extensions: [extension(id_ce_deltaCRLIndicator, true, null)] }))).toThrow(
      'only full CRLs',
    )
  })
})

describe('a bundle', () => {
  test('with something other than CA certificates is refused', () => {
    expect(() => toTrust(client().pem, null)).toThrow('not a CA (CN=caller)')
    expect(() => toTrust('', null)).toThrow('contains no PEM certificate')
    expect(() => toTrust(`${ROOT.pem}${ROOT.pem.replace(/MII./, 'AAAA')}`, null)).toThrow('certificate 2 of 2')
  })
})

describe('a pin', () => {
  const leaf = certificate('O=Bank,CN=caller', ROOT, {
    extendedKeyUsage: [id_kp_clientAuth],
    names: [
      { dNSName: 'Callbacks.Example.com' },
      { uniformResourceIdentifier: 'spiffe://bank/callbacks' },
      { rfc822Name: 'ops@example.com' },
      { iPAddress: '203.0.113.7' },
    ],
  })
  const matches = (...pins: string[]) => matchesPin(parseCertificate(leaf.der), pins.map(parsePin))

  test.each([
    'subject:CN=caller,O=Bank',
    'subject: CN=caller,O=Bank',
    'san:DNS:callbacks.example.com',
    'san:DNS:CALLBACKS.example.com',
    'san:URI:spiffe://bank/callbacks',
    'san:email:ops@example.com',
    'san:IP:203.0.113.7',
    spkiPin(leaf),
  ])('%s matches', (pin) => {
    expect(matches(pin)).toBe(true)
  })

  test.each([
    'subject:CN=caller',
    'subject:O=Bank,CN=caller',
    'san:DNS:example.com',
    'san:DNS:*.example.com',
    'san:DNS:xcallbacks.example.com',
    'san:URI:spiffe://bank/',
    spkiPin(ROOT),
  ])('%s does not', (pin) => {
    expect(matches(pin)).toBe(false)
  })

  test('may be one of several, as during rotation', () => {
    expect(matches(spkiPin(ROOT), spkiPin(leaf))).toBe(true)
    expect(matches()).toBe(false)
  })

  test('cannot be forged by an ambiguous subject', () => {
    const forged = parseCertificate(certificate('CN=caller\nO\\=Bank', ROOT).der)
    expect(matchesPin(forged, [parsePin('subject:CN=caller,O=Bank')])).toBe(false)
    const comma = parseCertificate(certificate('O=Bank', ROOT, {}).der)
    expect(comma.subject).toBe('O=Bank')
  })

  test.each(['', 'CN=caller', 'subject:', 'san:callbacks', 'san:DNS:', 'spki-sha256:abc', 'sha1:abc'])(
    'that says %j is refused',
    (text) => {
      expect(() => parsePin(text)).toThrow('must be subject:')
    },
  )
})
