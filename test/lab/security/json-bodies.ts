import { Agent, request } from 'node:http'
import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import { eventually } from '../harness/eventually.ts'
import { Observer } from '../harness/observer.ts'
import { type Battery, withDeployment } from './battery.ts'
import { jsonCorpus } from './json-corpus.ts'

/** I1: of any body exactly its bytes are stored, once. I2: the normalizer gives each an outcome. */
export const jsonBodies: Battery = {
  name: 'json-bodies',
  title: 'bodies at the edges of RFC 8259 are stored byte for byte',
  run: (world) =>
    withDeployment(world, ['gateway', 'normalizer'], {}, async (deployment, running) => {
      const corpus = jsonCorpus(deployment.config.gateway.bodyBytesMax)
      const sources = simulatedSources(deployment.config, running.gatewayUrl)
      const findings: string[] = []
      const agent = new Agent({ keepAlive: true, maxSockets: 16 })
      let sent = 0
      for (const { url, headers, successCode, id } of sources) {
        await Promise.all(
          corpus.map(async ({ category, name, bytes }) => {
            const code = await post(agent, url, headers, bytes)
            sent += 1
            if (code !== successCode) {
              findings.push(`${id}: ${category}, ${name}: answered ${code}`)
            }
          }),
        )
      }
      agent.destroy()
      const observer = await Observer.create(deployment)
      try {
        const stored = new Map<string, number>()
        for (const { value, headers } of await observer.records('raw')) {
          const key = `${String(headers['ce_source'])} ${value?.toString('latin1')}`
          stored.set(key, (stored.get(key) ?? 0) + 1)
        }
        for (const { id } of sources) {
          for (const { category, name, bytes } of corpus) {
            const times = stored.get(`${id} ${bytes.toString('latin1')}`) ?? 0
            if (times !== 1) {
              findings.push(`${id}: ${category}, ${name}: stored ${times} times`)
            }
          }
        }
      } finally {
        await observer.close()
      }
      await eventually(async () => {
        const read = await running.metric('paystatus_normalizer_callbacks_total')
        if (read !== sent) {
          throw new Error(`the normalizer has read ${read} of ${sent} callbacks`)
        }
      }).catch((error: Error) => findings.push(error.message))
      const categories = [...new Set(corpus.map(({ category }) => category))]
      return {
        ran: `${corpus.length} bodies to each of ${sources.length} sources`,
        measured: Object.fromEntries([
          ...categories.map((category) => [category, corpus.filter((body) => body.category === category).length]),
          ['stored byte for byte, once', sent - findings.length],
          ['given an outcome by the normalizer', sent],
        ]),
        findings,
      }
    }),
}

function post(agent: Agent, url: string, headers: Readonly<Record<string, string>>, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method: 'POST',
        agent,
        headers: { ...headers, 'content-type': 'application/json', 'content-length': body.length },
      },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
