import { Agent, request } from 'node:https'
import { type Bank, badClientCertificates, clientOf, shownBy } from '../../pki/bad-client-certificates.ts'
import { type Issued, revocationList, rootCa } from '../../pki/certificate-authority.ts'
import { Observer } from '../harness/observer.ts'
import { GATEWAY_NAME, TlsFiles } from '../harness/tls-gateway.ts'
import { type Battery, withDeployment } from './battery.ts'

const PATH = '/callbacks/bank'
const SUCCESS = 204
const LEGITIMATE = 'legitimate'
const ANSWER_MAX_MS = 10_000

/** Mutual TLS: no invalid certificate is admitted, and nothing sent with one is stored. */
export const clientCertificates: Battery = {
  name: 'client-certificates',
  title: 'bad client certificates, each between two calls of a legitimate caller',
  run: async (world) => {
    const files = new TlsFiles()
    try {
      const bank: Bank = { ca: rootCa('CN=Bank'), pinnedName: 'callbacks.bank.test' }
      const other = rootCa('CN=Other')
      const legitimate = clientOf(bank)
      const revoked = clientOf(bank)
      const bad = [
        ...badClientCertificates(bank, other),
        { what: 'revoked by its issuer', client: revoked, sent: [] as readonly Issued[] },
      ]
      const mtls = (ca: Issued, revokedOnes: readonly Issued[]) => ({
        type: 'mtls',
        ca: files.write(ca.pem),
        crl: [files.write(revocationList(ca, revokedOnes))],
        pins: { file: files.write(`san:DNS:${bank.pinnedName}\n`) },
      })
      const provider = 'jpm-global-payments-v2'
      const options = {
        config: { gateway: { port: 0, tls: files.tls } },
        sources: [
          { id: 'bank', provider, path: PATH, authentication: mtls(bank.ca, [revoked]) },
          { id: 'other', provider, path: '/callbacks/other', authentication: mtls(other, []) },
        ],
      }
      return await withDeployment(world, ['gateway'], options, async (deployment, gateway) => {
        const port = Number(new URL(gateway.gatewayUrl).port)
        const call = (body: string, client: Issued | null, sent: readonly Issued[] = []) =>
          post(port, files.ca.pem, body, client, sent)
        const findings: string[] = []
        const outcomes = new Map<number | string, number>()
        let served = 0
        for (const { what, client, sent } of bad) {
          const outcome = await call(`attacker: ${what}`, client, sent)
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
          if (outcome !== 401) {
            findings.push(`${what}: ${outcome} instead of 401`)
          }
          const answered = await call(LEGITIMATE, legitimate)
          served += answered === SUCCESS ? 1 : 0
          if (answered !== SUCCESS) {
            findings.push(`after "${what}" the legitimate caller got ${answered}`)
          }
        }
        const observer = await Observer.create(deployment)
        const stored = (await observer.records('raw')).map(({ value }) => String(value))
        await observer.close()
        const attackers = stored.filter((body) => body.startsWith('attacker'))
        findings.push(...attackers.map((body) => `stored: ${body}`))
        const ofLegitimate = stored.filter((body) => body === LEGITIMATE).length
        if (ofLegitimate !== served) {
          findings.push(`${served} callbacks of the legitimate caller were accepted, ${ofLegitimate} are stored (I1)`)
        }
        return {
          ran: `${bad.length} kinds of certificate, each with a request`,
          measured: {
            ...Object.fromEntries([...outcomes].map(([outcome, count]) => [`answered ${outcome}`, count])),
            'stored with a bad certificate': attackers.length,
            'legitimate caller served': `${served} of ${bad.length}`,
          },
          findings,
        }
      })
    } finally {
      files.remove()
    }
  },
}

/** The answer's status code, or the error code if there was no answer. */
function post(
  port: number,
  ca: string,
  body: string,
  client: Issued | null,
  sent: readonly Issued[],
): Promise<number | string> {
  return new Promise((resolve) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        path: PATH,
        method: 'POST',
        agent: new Agent({ keepAlive: false }),
        signal: AbortSignal.timeout(ANSWER_MAX_MS),
        ca,
        servername: GATEWAY_NAME,
        // A client that accepts anything, so that it is the gateway that refuses.
        ciphers: 'DEFAULT@SECLEVEL=0',
        headers: { 'content-type': 'text/plain' },
        ...shownBy(client, sent),
      },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      },
    )
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
    outgoing.end(body)
  })
}
