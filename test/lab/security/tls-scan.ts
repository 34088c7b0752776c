import { readFileSync } from 'node:fs'
import { rootCa } from '../../pki/certificate-authority.ts'
import { GATEWAY_NAME, TlsFiles } from '../harness/tls-gateway.ts'
import { runCommand } from '../stack/run-command.ts'
import { ensureCommand } from '../stack/system-package.ts'
import { type Battery, withDeployment } from './battery.ts'

/** One line of what testssl.sh writes with `--jsonfile`. */
interface Checked {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

/** testssl.sh's word for a check that could not be made. */
const NOT_MADE = 'WARN'
/** Its words for findings worse than LOW. */
const WORSE_THAN_LOW = new Set(['MEDIUM', 'HIGH', 'CRITICAL', 'FATAL', NOT_MADE])

/**
 * Not judged: the certificate and DNS, which the battery made for itself, and the grade derived from them; what only
 * concerns browsers (HSTS, security headers); and one check of the scanner's own OpenSSL.
 */
const NOT_OURS = /^(cert|DNS_|OCSP_|overall_grade|grade_cap|final_score|HSTS|HPKP|security_headers|engine_problem)/

/** What anyone who reaches the port can learn about its TLS: protocols, ciphers, and known attacks on them. */
export const tlsScan: Battery = {
  name: 'tls-scan',
  title: 'testssl.sh checks protocols, ciphers and known vulnerabilities; no finding above LOW',
  run: async (world) => {
    await ensureCommand('testssl', 'testssl.sh', world.say)
    await ensureCommand('hexdump', 'bsdextrautils', world.say)
    const files = new TlsFiles()
    try {
      const options = {
        config: { gateway: { port: 0, tls: files.tls } },
        sources: [
          {
            id: 'bank',
            provider: 'jpm-global-payments-v2',
            path: '/callbacks/bank',
            authentication: { type: 'mtls', ca: files.write(rootCa('CN=Bank').pem), pins: 'any' },
          },
        ],
      }
      return await withDeployment(world, ['gateway'], options, async (_deployment, gateway) => {
        const target = `${GATEWAY_NAME}:${new URL(gateway.gatewayUrl).port}/callbacks/bank`
        let scanned = await scan(target, files)
        if (scanned.judged.some(({ severity }) => severity === NOT_MADE)) {
          // On a busy machine a connection may be too slow for the scanner.
          scanned = await scan(target, files)
        }
        const { judged, output } = scanned
        const worse = judged.filter(({ severity }) => WORSE_THAN_LOW.has(severity))
        const bySeverity = Object.groupBy(judged, ({ severity }) => severity)
        return {
          ran: `${judged.length} checks of testssl.sh`,
          measured: Object.fromEntries(
            Object.entries(bySeverity).map(([severity, some = []]) => [
              `checks with the outcome ${severity}`,
              some.length,
            ]),
          ),
          findings: [
            ...worse.map(({ id, severity, finding }) => `${severity} ${id}: ${finding}`),
            // A scan that found no TLS reports nothing bad.
            ...(judged.some(({ id }) => id === 'TLS1_3') && judged.length > 50
              ? []
              : [`the scan did not finish: ${output.slice(-500)}`]),
          ],
        }
      })
    } finally {
      files.remove()
    }
  },
}

/** The findings about the gateway; `output` is for people. */
async function scan(target: string, files: TlsFiles): Promise<{ judged: readonly Checked[]; output: string }> {
  const report = `${files.write('')}.json`
  const { output } = await runCommand([
    'testssl',
    ...['--quiet', '--warnings', 'batch', '--color', '0', '--jsonfile', report],
    ...['--add-ca', files.write(files.ca.pem), '--ip', '127.0.0.1'],
    target,
  ])
  const checked = JSON.parse(readFileSync(report, 'utf8') || '[]') as readonly Checked[]
  return { judged: checked.filter(({ id }) => !NOT_OURS.test(id)), output }
}
