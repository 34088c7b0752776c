import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { id_kp_serverAuth } from '@peculiar/asn1-x509'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Authentication } from '../../src/config/authentication.ts'
import { badClientCertificates, clientOf, shownBy } from '../pki/bad-client-certificates.ts'
import {
  type CertificateOptions,
  certificate,
  type Issued,
  revocationList,
  rootCa,
  spkiPin,
  tampered,
} from '../pki/certificate-authority.ts'
import { type FixtureOptions, GatewayFixture, source } from './gateway-fixture.ts'

/**
 * Real TLS connections with certificates made for the test. Source `bank` trusts the CA `Bank` and pins its caller by name,
 * source `other` trusts another CA and pins nothing, source `open` asks for no certificate; all share one port.
 */
/** Dozens of handshakes, some with RSA, on a machine that may be busy. */
const TIMEOUT = { timeout: 60_000 }
const DAY_MS = 86_400_000
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS)

const SERVER_CA = rootCa('CN=Server CA')
const SERVER_OPTIONS = { extendedKeyUsage: [id_kp_serverAuth], names: [{ dNSName: 'gateway.test' }] } as const
const SERVER = certificate('CN=gateway.test', SERVER_CA, SERVER_OPTIONS)
const BANK = rootCa('CN=Bank')
const OTHER = rootCa('CN=Other')
const PINNED_NAME = 'callbacks.bank.test'
const bankClient = (options: CertificateOptions = {}) => clientOf({ ca: BANK, pinnedName: PINNED_NAME }, options)
const LEGITIMATE = bankClient()
const OTHER_CLIENT = clientOf({ ca: OTHER, pinnedName: PINNED_NAME })

const directory = mkdtempSync(join(tmpdir(), 'paystatus-mtls-'))
afterAll(() => rmSync(directory, { recursive: true }))
const at = (name: string) => join(directory, name)

function writeFiles(): void {
  writeFileSync(at('server.pem'), SERVER.pem)
  writeFileSync(at('server.key'), SERVER.keyPem)
  writeFileSync(at('bank.pem'), BANK.pem)
  writeFileSync(at('bank.crl'), revocationList(BANK, []))
  writeFileSync(at('pins'), '# who calls\nsan:DNS:callbacks.bank.test\n')
  writeFileSync(at('other.pem'), OTHER.pem)
}
beforeEach(writeFiles)

const BANK_MTLS: Authentication = {
  type: 'mtls',
  ca: at('bank.pem'),
  crls: [at('bank.crl')],
  pins: { file: at('pins') },
}
const SOURCES = [
  source('bank', { authentication: [BANK_MTLS] }),
  source('other', { authentication: [{ type: 'mtls', ca: at('other.pem'), crls: [], pins: null }] }),
  source('open'),
]

const started: GatewayFixture[] = []
async function start(options: FixtureOptions = {}): Promise<GatewayFixture> {
  const fixture = await GatewayFixture.start({
    sources: SOURCES,
    tls: { certificate: at('server.pem'), key: at('server.key') },
    now: Date.now,
    answerDeadlineMs: 10_000,
    ...options,
  })
  started.push(fixture)
  return fixture
}
afterEach(async () => {
  await Promise.all(started.splice(0).map(({ gateway }) => gateway.stop()))
})

function tlsOptions(port: number, client: Issued | null, sent: readonly Issued[] = []): ConnectionOptions {
  return {
    host: '127.0.0.1',
    port,
    ca: SERVER_CA.pem,
    servername: 'gateway.test',
    // A client that accepts anything, so that it is the gateway that refuses.
    ciphers: 'DEFAULT@SECLEVEL=0',
    ...shownBy(client, sent),
  }
}

/** The answer's status code, or the error code if there was no answer. */
function call(
  fixture: GatewayFixture,
  id: string,
  client: Issued | null,
  { sent = [], agent = new Agent({ keepAlive: false }) }: { sent?: readonly Issued[]; agent?: Agent } = {},
): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>()
  const outgoing = request(
    {
      ...tlsOptions(fixture.port, client, sent),
      agent,
      path: `/callbacks/${id}`,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    },
    (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    },
  )
  outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
  outgoing.end('{}')
  return promise
}

function authenticationsOf(fixture: GatewayFixture): (string | undefined)[] {
  return fixture.appendLog.appended.map(({ record }) => record.headers?.['paystatus_authentication'] as string)
}

/** A TLS connection after its handshake; rejects with the error's code. */
function connect(options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(options, () => resolve(socket))
    socket.on('error', (error: NodeJS.ErrnoException) => reject(error.code))
  })
}

describe('callers of a source with mutual TLS', TIMEOUT, () => {
  test('are served with a certificate of its CA that matches a pin, and the record says so', async () => {
    const fixture = await start()
    expect(await call(fixture, 'bank', LEGITIMATE)).toBe(200)
    expect(await call(fixture, 'other', OTHER_CLIENT)).toBe(200)
    expect(await call(fixture, 'open', null)).toBe(200)
    expect(authenticationsOf(fixture)).toEqual(['mtls', 'mtls', 'none'])
  })

  test('are refused with every kind of bad certificate, nothing is published, and a legitimate one is served throughout', async () => {
    const fixture = await start()
    const bad = badClientCertificates({ ca: BANK, pinnedName: PINNED_NAME }, OTHER)
    const outcomes: Record<string, number | string> = {}
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (const { what, client, sent } of bad) {
      outcomes[what] = await call(fixture, 'bank', client, { sent })
      expect(await call(fixture, 'bank', LEGITIMATE, { agent })).toBe(200)
    }
    agent.destroy()
    // 401, or no connection if OpenSSL itself refuses.
    const served = Object.entries(outcomes).filter(([, code]) => code !== 401 && typeof code === 'number')
    expect(served).toEqual([])
    expect(Object.values(outcomes).filter((code) => code === 401).length).toBeGreaterThanOrEqual(12)
    expect(authenticationsOf(fixture)).toEqual(bad.map(() => 'mtls'))
    expect(await fixture.metrics.registry.metrics()).toMatch(
      /paystatus_gateway_authentication_refusals_total\{source="bank",type="mtls"\} 1\d\n/,
    )
  })

  test('are served below an intermediate CA that ends the bundle, and refused for anything else that is wrong', async () => {
    const root = rootCa('CN=Root of the bank')
    const issuing = certificate('CN=Issuing', root, { ca: true })
    writeFileSync(at('bank.pem'), issuing.pem)
    writeFileSync(at('bank.crl'), revocationList(issuing, []))
    const fixture = await start()
    const issued = { ca: issuing, pinnedName: PINNED_NAME }
    const client = clientOf(issued)
    const lower = certificate('CN=Lower', issuing, { ca: true })
    const codes: Record<string, number | string> = {}
    for (const [what, one, sent] of [
      ['alone', client, []],
      ['with its CA', client, [issuing]],
      ['with all its CAs', client, [issuing, root]],
      ['expired', clientOf(issued, { notAfter: daysFromNow(-1) }), []],
      ['not valid yet', clientOf(issued, { notBefore: daysFromNow(1) }), []],
      ['for servers only', clientOf(issued, { extendedKeyUsage: [id_kp_serverAuth] }), []],
      ['changed', tampered(client), []],
      ['without a pin', clientOf({ ca: issuing, pinnedName: 'other.test' }), []],
      ['of the root', clientOf({ ca: root, pinnedName: PINNED_NAME }), [root]],
      ['without a CA between', clientOf({ ca: lower, pinnedName: PINNED_NAME }), []],
    ] as const) {
      codes[what] = await call(fixture, 'bank', one, { sent })
    }
    const { alone, 'with its CA': withCa, 'with all its CAs': withAll, ...others } = codes
    expect([alone, withCa, withAll]).toEqual([200, 200, 200])
    expect(Object.entries(others).filter(([, code]) => code !== 401 && typeof code === 'number')).toEqual([])
    // The CA itself expires.
    writeFileSync(
      at('bank.pem'),
      certificate('CN=Issuing', root, { ca: true, keys: issuing.keys, notAfter: daysFromNow(-1) }).pem,
    )
    await fixture.access.files.check()
    expect(await call(fixture, 'bank', client)).toBe(401)
  })

  test('are refused before their body arrives, and must connect again', async () => {
    const fixture = await start()
    const socket = await connect(tlsOptions(fixture.port, OTHER_CLIENT))
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    const ended = new Promise((resolve) => socket.on('close', resolve))
    socket.write('POST /callbacks/bank HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n')
    await ended
    expect(received).toMatch(/^HTTP\/1\.1 401 [\s\S]*connection: close/i)
  })
})

describe('the port', TIMEOUT, () => {
  test.each<[what: string, options: ConnectionOptions]>([
    ['TLS 1.1', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }],
    ['a cipher without forward secrecy', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256:@SECLEVEL=0' }],
    ['a CBC cipher', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0' }],
  ])('refuses %s', async (_what, options) => {
    const fixture = await start()
    await expect(connect({ ...tlsOptions(fixture.port, null), ...options })).rejects.toMatch(/^ERR_SSL|ECONNRESET/)
    expect(await call(fixture, 'open', null)).toBe(200)
    expect(await fixture.metrics.registry.metrics()).toContain('paystatus_gateway_tls_handshake_failures_total 1')
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'speaks %s, and resumes no session, which would bring no chain',
    async (version) => {
      const fixture = await start()
      const options = { ...tlsOptions(fixture.port, LEGITIMATE), minVersion: version, maxVersion: version }
      const first = await connect(options)
      expect(first.getProtocol()).toBe(version)
      const session = first.getSession()
      first.destroy()
      const second = await connect({ ...options, ...(session !== undefined && { session }) })
      expect(second.isSessionReused()).toBe(false)
      second.destroy()
    },
  )

  test('closes connections that speak plain HTTP', async () => {
    const fixture = await start()
    const plain = await fixture.connect()
    plain.write('POST /callbacks/open HTTP/1.1\r\nHost: x\r\n\r\n')
    await plain.until(({ ended }) => ended)
    expect(plain.codes).toEqual([])
  })

  test('stops without waiting for an unfinished handshake or an unused connection', async () => {
    const tooLongMs = 2 * TIMEOUT.timeout
    const limits = { headersTimeoutMs: tooLongMs, requestTimeoutMs: tooLongMs, answerDeadlineMs: tooLongMs }
    const fixture = await start(limits)
    const halfway = connectTcp(fixture.port, '127.0.0.1')
    halfway.on('error', () => {})
    // The head of a TLS record that never arrives.
    await new Promise((resolve) => halfway.write(Buffer.from('1603010200', 'hex'), resolve))
    const silent = connectTcp(fixture.port, '127.0.0.1')
    silent.on('error', () => {})
    await new Promise((resolve) => silent.on('connect', resolve))
    const unused = await connect(tlsOptions(fixture.port, null))
    const closed = [halfway, silent, unused].map((socket) => new Promise((resolve) => socket.on('close', resolve)))
    await fixture.gateway.stop()
    await Promise.all(closed)
  })
})

describe('a change of the files', TIMEOUT, () => {
  test('applies the server’s certificate to new connections, while open ones continue', async () => {
    const fixture = await start()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ports = new Set<number | undefined>()
    agent.on('free', (socket) => ports.add(socket.localPort))
    expect(await call(fixture, 'bank', LEGITIMATE, { agent })).toBe(200)
    const next = certificate('CN=gateway.test', SERVER_CA, SERVER_OPTIONS)
    // Half of the new pair changes nothing.
    writeFileSync(at('server.pem'), next.pem)
    await fixture.access.files.check()
    expect(fixture.log.join('\n')).toMatch(/gateway\.tls.*stays in use/)
    const shown = async () => {
      const socket = await connect(tlsOptions(fixture.port, null))
      const raw = socket.getPeerX509Certificate()?.raw
      socket.destroy()
      return raw
    }
    expect(await shown()).toEqual(SERVER.der)
    writeFileSync(at('server.key'), next.keyPem)
    await fixture.access.files.check()
    expect(await shown()).toEqual(next.der)
    expect(await call(fixture, 'bank', LEGITIMATE, { agent })).toBe(200)
    expect(ports.size).toBe(1)
    agent.destroy()
  })

  test('applies pins: both callers are served during the rotation, then only the new one', async () => {
    const fixture = await start()
    const renewed = bankClient()
    writeFileSync(at('pins'), `${spkiPin(LEGITIMATE)}\n${spkiPin(renewed)}\n`)
    await fixture.access.files.check()
    expect([await call(fixture, 'bank', LEGITIMATE), await call(fixture, 'bank', renewed)]).toEqual([200, 200])
    writeFileSync(at('pins'), `${spkiPin(renewed)}\n`)
    await fixture.access.files.check()
    expect([await call(fixture, 'bank', LEGITIMATE), await call(fixture, 'bank', renewed)]).toEqual([401, 200])
  })

  test('applies a revocation, also to open connections; an unreadable list changes nothing', async () => {
    const fixture = await start()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    expect(await call(fixture, 'bank', LEGITIMATE, { agent })).toBe(200)
    writeFileSync(at('bank.crl'), 'nothing')
    await fixture.access.files.check()
    expect(await call(fixture, 'bank', LEGITIMATE, { agent })).toBe(200)
    expect(await fixture.metrics.registry.metrics()).toContain('paystatus_gateway_stale_files 1')
    writeFileSync(at('bank.crl'), revocationList(BANK, [LEGITIMATE]))
    await fixture.access.files.check()
    expect(await call(fixture, 'bank', LEGITIMATE, { agent })).toBe(401)
    expect(fixture.log.join('\n')).toContain('{"source":"bank","refused":{"mtls: revoked":1}}')
    agent.destroy()
  })

  test('applies CAs: a new one is requested and accepted', async () => {
    const fixture = await start()
    const next = rootCa('CN=Next bank')
    const client = clientOf({ ca: next, pinnedName: PINNED_NAME })
    expect(await call(fixture, 'bank', client)).toBe(401)
    writeFileSync(at('bank.pem'), BANK.pem + next.pem)
    writeFileSync(at('bank.crl'), revocationList(BANK, []) + revocationList(next, []))
    await fixture.access.files.check()
    expect([await call(fixture, 'bank', client), await call(fixture, 'bank', LEGITIMATE)]).toEqual([200, 200])
  })
})

describe('expiring certificates', TIMEOUT, () => {
  test('are shown in days, and logged', async () => {
    writeFileSync(at('other.pem'), rootCa('CN=Other', { notAfter: daysFromNow(13.5) }).pem)
    const fixture = await start()
    const text = await fixture.metrics.registry.metrics()
    expect(text).toMatch(/paystatus_gateway_expiry_days\{use="server",source="none",id="[0-9a-f]{16}"\} 59\.9/)
    expect(text).toMatch(/paystatus_gateway_expiry_days\{use="ca",source="other",id="[0-9a-f]{16}"\} 13\.4/)
    expect(text).toMatch(/paystatus_gateway_expiry_days\{use="crl",source="bank",id="1"\} 0\.9/)
    expect(fixture.log).toEqual([expect.stringMatching(/^warn a CA certificate expires in less than 14 days.*"other"/)])
  })
})

describe('behind a proxy', TIMEOUT, () => {
  const proxied = (format: 'xfcc' | 'pem' | 'rfc9440', addresses = ['127.0.0.0/8']): FixtureOptions => ({
    tls: null,
    trustedProxies: { addresses: { lines: addresses }, clientCertificate: { header: 'X-Client-Cert', format } },
  })
  const pem = (...chain: Issued[]) => encodeURIComponent(chain.map((one) => one.pem).join(''))
  const post = async (fixture: GatewayFixture, headers: Record<string, string>) =>
    (await fixture.call({ path: '/callbacks/bank', headers, body: '{}' })).code

  test.each<[format: 'xfcc' | 'pem' | 'rfc9440', good: string, bad: string]>([
    ['pem', pem(LEGITIMATE), pem(OTHER_CLIENT)],
    ['rfc9440', `:${LEGITIMATE.der.toString('base64')}:`, `:${OTHER_CLIENT.der.toString('base64')}:`],
    ['xfcc', `By=spiffe://x;Hash=0;Cert="${pem(LEGITIMATE)}";Subject="CN=a, b;c"`, `Cert="${pem(OTHER_CLIENT)}"`],
    ['xfcc', `Cert="${pem(OTHER_CLIENT)}",Chain="${pem(LEGITIMATE, BANK)}"`, `Cert="${pem(LEGITIMATE)}",Hash=0`],
  ])('a trusted one passes the certificate on as %s', async (format, good, bad) => {
    const fixture = await start(proxied(format))
    expect(await post(fixture, { 'x-client-cert': good })).toBe(200)
    expect(authenticationsOf(fixture)).toEqual(['mtls-proxy'])
    for (const value of [bad, '', 'nonsense', '%zz', `${good.slice(0, 40)}`]) {
      expect(await post(fixture, { 'x-client-cert': value })).toBe(401)
    }
    expect(await post(fixture, {})).toBe(401)
    expect(fixture.appendLog.appended).toHaveLength(1)
  })

  test('no other peer is believed', async () => {
    const fixture = await start(proxied('pem', ['203.0.113.1']))
    expect(await post(fixture, { 'x-client-cert': pem(LEGITIMATE) })).toBe(401)
    expect(fixture.appendLog.appended).toEqual([])
  })

  test('the proxy’s own certificate does not authenticate a caller', async () => {
    const fixture = await start({
      trustedProxies: {
        addresses: { lines: ['127.0.0.1'] },
        clientCertificate: { header: 'x-client-cert', format: 'pem' },
      },
    })
    expect(await call(fixture, 'bank', LEGITIMATE)).toBe(401)
  })
})
