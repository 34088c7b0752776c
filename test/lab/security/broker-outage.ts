import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import { Observer } from '../harness/observer.ts'
import { callMany, firstSuccessMs, RECOVERY_MAX_MS, residentBytes } from '../harness/outage.ts'
import { startStack } from '../stack/stack.ts'
import { type Battery, withDeployment } from './battery.ts'

/** Allowed beyond the gateway's deadline. */
const ANSWER_MARGIN_MS = 200
/** Growth of the process between 4,000 and 40,000 refusals: far below the 700 MB sent to it in between. */
const MEMORY_RATIO_MAX = 1.5
const WAITING_MAX = 500

/** While the broker is away: 503 in time, never a success, memory does not grow. Afterwards: success again, quickly. */
export const brokerOutage: Battery = {
  name: 'broker-outage',
  title: 'Kafka is killed, and frozen, under load',
  run: async (world) => {
    const measured: Record<string, number | string> = {}
    const findings: string[] = []
    // A broker of its own, because it is killed.
    const own = await startStack({ only: ['kafka', 'redis'], report: world.say })
    try {
      const stack = { ...own, registryUrl: world.stack.registryUrl }
      const config = { gateway: { port: 0, waitingRecordsMax: WAITING_MAX, connectionsPerAddressMax: 5_000 } }
      await withDeployment({ ...world, stack }, ['gateway'], { config }, async (deployment, gateway) => {
        const source = simulatedSources(deployment.config, gateway.gatewayUrl).find(({ id }) => id === 'jpm-v1')
        if (source === undefined) {
          throw new Error('a source is missing')
        }
        const deadlineMs = deployment.config.gateway.answerDeadlineMs
        await callMany(source, { requests: 2_000, atOnce: 32 })
        for (const [how, away, back] of [
          ['killed', () => own.kafka.kill(), () => own.kafka.start()],
          ['frozen', () => own.kafka.pause(), () => own.kafka.resume()],
        ] as const) {
          await away()
          // Few at once, to measure the gateway's deadline and not the machine's CPUs.
          const patient = await callMany(source, { requests: 200, atOnce: 20 })
          // More at once than may wait, so most are refused on arrival.
          const flood = { atOnce: WAITING_MAX + 50, bodyBytes: 20_000 }
          const first = await callMany(source, { ...flood, requests: 4_000 })
          const before = await residentBytes(gateway)
          const rest = await callMany(source, { ...flood, requests: 36_000 })
          const ratio = (await residentBytes(gateway)) / before
          await back()
          const recoveryMs = await firstSuccessMs(source).catch((error: Error) => {
            findings.push(`${how}: ${error.message}`)
            return Number.POSITIVE_INFINITY
          })
          const answers = [...patient, ...first, ...rest]
          const slowest = Math.round(Math.max(...patient.map(({ ms }) => ms)))
          const others = answers.filter(({ code }) => code !== 503).length
          measured[`${how}: requests while it was away`] = answers.length
          measured[`${how}: answered other than 503`] = others
          measured[`${how}: slowest of ${patient.length}, 20 at once`] = `${slowest} ms (deadline ${deadlineMs} ms)`
          measured[`${how}: memory after 40,000 refusals, over that after 4,000`] = ratio.toFixed(2)
          measured[`${how}: first success after its return`] =
            `${Math.round(recoveryMs)} ms (at most ${RECOVERY_MAX_MS} ms)`
          if (others > 0) {
            findings.push(`${how}: ${others} answers were not 503`)
          }
          if (slowest > deadlineMs + ANSWER_MARGIN_MS) {
            findings.push(`${how}: an answer took ${slowest} ms`)
          }
          if (ratio > MEMORY_RATIO_MAX) {
            findings.push(`${how}: memory grew by a factor of ${ratio.toFixed(2)}`)
          }
        }
        const observer = await Observer.create(deployment)
        const accepted = await gateway.metric('paystatus_gateway_requests_total{source="jpm-v1",code="200"}')
        const stored = (await observer.records('raw')).length
        await observer.close()
        measured['accepted, and stored'] = `${accepted}, ${stored}`
        if (stored < accepted) {
          findings.push(`${accepted} were accepted and ${stored} are stored (I1)`)
        }
      })
    } finally {
      await own.stop()
    }
    return { ran: 'a real broker, killed and then frozen, with 40,200 requests each time', measured, findings }
  },
}
