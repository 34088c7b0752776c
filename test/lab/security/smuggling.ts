import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import { Observer } from '../harness/observer.ts'
import { type Battery, withDeployment } from './battery.ts'
import { smugglingProbes } from './smuggling-probes.ts'

/** A server counts as done after this long without a byte. */
const QUIET_MS = 300
const PATIENCE_MS = 3_000
const AT_ONCE = 16

/** One request never becomes two callbacks, and nothing is accepted that Node alone would refuse. */
export const smuggling: Battery = {
  name: 'smuggling',
  title: 'requests with ambiguous framing, as raw bytes, compared with a bare Node server',
  run: (world) =>
    withDeployment(world, ['gateway'], {}, async (deployment, gateway) => {
      // The source without authentication: otherwise the smuggled request would need the secret, too.
      const source = simulatedSources(deployment.config, gateway.gatewayUrl).find(({ id }) => id === 'instamed')
      const url = new URL(source?.url ?? '')
      const probes = smugglingProbes(url.pathname)
      const bare = await BareNode.start()
      const answers: { readonly ours: Answers; readonly node: Answers }[] = []
      try {
        for (let from = 0; from < probes.length; from += AT_ONCE) {
          answers.push(
            ...(await Promise.all(
              probes.slice(from, from + AT_ONCE).map(async ({ bytes }) => {
                const [ours, node] = await Promise.all([exchange(Number(url.port), bytes), exchange(bare.port, bytes)])
                return { ours, node }
              }),
            )),
          )
        }
      } finally {
        bare.stop()
      }
      const observer = await Observer.create(deployment)
      const stored = (await observer.records('raw')).map(({ value }) => String(value))
      await observer.close()

      const findings: string[] = []
      let callbacks = 0
      let refusedByBoth = 0
      let stricter = 0
      // Truncated and empty bodies do not contain the probe's mark, so these records can only be counted.
      const unmarked = stored.filter((text) => !probes.some(({ token }) => text.includes(token))).length
      let unmarkedSuccesses = 0
      probes.forEach(({ name, token }, index) => {
        const has = (text: string) => text.includes(token)
        const ours = stored.filter(has).length
        const nodes = bare.requests.filter(({ body, method }) => method === 'POST' && has(body)).length
        callbacks += ours
        refusedByBoth += ours === 0 && nodes === 0 ? 1 : 0
        stricter += ours < nodes ? 1 : 0
        if (ours > 1) {
          findings.push(`${name}: ${ours} callbacks of one`)
        }
        if (ours > nodes) {
          findings.push(`${name}: accepted, although Node alone refuses it`)
        }
        const successes = answers[index]?.ours.codes.filter((code) => code < 300 && code >= 200).length ?? 0
        unmarkedSuccesses += Math.max(0, successes - ours)
        if (successes < ours) {
          findings.push(`${name}: ${successes} successes for ${ours} callbacks (I1)`)
        }
        if (answers[index]?.ours.codes.some((code) => code >= 500)) {
          findings.push(`${name}: answered ${answers[index]?.ours.codes.join(', ')}`)
        }
      })
      if (unmarkedSuccesses > unmarked) {
        findings.push(`${unmarkedSuccesses} successes for ${unmarked} callbacks without the mark of a probe (I1)`)
      }
      // The gateway still runs and accepts correct callbacks.
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: 'after all that',
      })
      if (response.status !== source?.successCode) {
        findings.push(`afterwards a callback was answered ${response.status}`)
      }
      return {
        ran: `${probes.length} probes as raw bytes against the gateway and against node ${process.version} alone`,
        measured: {
          'became one callback': callbacks,
          'became one with a truncated or empty body': unmarked,
          'refused by both': refusedByBoth,
          'refused by the gateway alone': stricter,
          'two callbacks of one': findings.filter((text) => text.includes('callbacks of one')).length,
        },
        findings,
      }
    }),
}

interface Answers {
  readonly codes: readonly number[]
  readonly closed: boolean
}

/** Sends the bytes and collects all that the server answers. */
async function exchange(port: number, bytes: Buffer): Promise<Answers> {
  const socket = connect(port, '127.0.0.1')
  const { promise, resolve } = Promise.withResolvers<boolean>()
  let received = ''
  let quiet: NodeJS.Timeout | undefined
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    received += text
    clearTimeout(quiet)
    quiet = setTimeout(() => resolve(false), QUIET_MS)
  })
  socket.on('error', () => {})
  socket.on('close', () => resolve(true))
  const patience = setTimeout(() => resolve(false), PATIENCE_MS)
  socket.write(bytes)
  const closed = await promise
  clearTimeout(patience)
  clearTimeout(quiet)
  socket.destroy()
  return { codes: [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => Number(code)), closed }
}

/** How Node alone reads the same bytes: every request that it read completely. */
class BareNode {
  readonly requests: { readonly method: string; readonly body: string }[] = []
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => {})
    request.on('end', () => {
      this.requests.push({ method: request.method ?? '', body: Buffer.concat(chunks).toString('latin1') })
      response.end('{}')
    })
  })

  static async start(): Promise<BareNode> {
    const bare = new BareNode()
    bare.#server.listen(0, '127.0.0.1')
    await once(bare.#server, 'listening')
    return bare
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
