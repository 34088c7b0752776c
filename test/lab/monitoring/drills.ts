import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mutatedCheckout } from '../faults/mutants/mutated-checkout.ts'
import { eventually } from '../harness/eventually.ts'
import { ensureOracle } from '../stack/oracle-python.ts'
import type { DrillWorld } from './drill-world.ts'
import { v1Body } from './steady-load.ts'

/** A fault, and the alert that it must raise. */
export interface Drill {
  readonly alert: string
  /** Labels that the alert must have. */
  readonly labels: Readonly<Record<string, string>>
  /** The fault, for the table. */
  readonly fault: string
  readonly healing: string
  /** Most time from the fault to the alert at the speed of the drill, s. */
  readonly withinSeconds: number
  /** Alerts that say the truth about the same fault, and why. */
  readonly mayAlso?: Readonly<Record<string, string>>
  /** Pages of the console, besides the overview, that the runbook names and that show this fault. */
  readonly pages?: readonly string[]
  inject(world: DrillWorld): Promise<void>
  heal(world: DrillWorld): Promise<void>
}

const LATE_MEANWHILE = { PaystatusStatusesLate: 'at the speed of the drill, records are late after 5 s' }

/** A defect: the first record of each chunk is passed over. */
const SKIPS_RECORDS = {
  name: 'skips-records',
  patches: [
    {
      file: 'src/normalizer/normalizer-task.ts',
      find: 'for (const [index, record] of records.entries()) {',
      replace: 'for (const [index, record] of records.entries()) {\n      if (index === 0) continue',
    },
  ],
}

let hanging: ChildProcess | undefined

export const DRILLS: readonly Drill[] = [
  {
    alert: 'PaystatusStatusesLate',
    labels: { stage: 'processor', severity: 'critical' },
    fault: 'Redis is frozen (SIGSTOP)',
    healing: 'Redis goes on',
    withinSeconds: 25,
    inject: ({ stack }) => stack.redis.pause(),
    heal: ({ stack }) => stack.redis.resume(),
  },
  {
    alert: 'PaystatusCallbacksFailing',
    labels: { severity: 'critical' },
    fault: 'the broker is frozen (SIGSTOP)',
    healing: 'the broker goes on',
    withinSeconds: 20,
    mayAlso: LATE_MEANWHILE,
    inject: ({ stack }) => stack.kafka.pause(),
    heal: ({ stack }) => stack.kafka.resume(),
  },
  {
    alert: 'PaystatusStageDown',
    labels: { stage: 'normalizer', severity: 'critical' },
    fault: 'the only normalizer is started with another `environment`, and stops (`SETTINGS_CHANGED`)',
    healing: 'started with the right one',
    withinSeconds: 30,
    mayAlso: LATE_MEANWHILE,
    inject: async (world) => {
      await world.remove('normalizer')
      const stopped = await world.deployment.start(
        ['normalizer'],
        {},
        {
          configFile: world.configuration('other-environment', { environment: 'other' }),
        },
      )
      world.watch('normalizer', stopped)
      const code = await stopped.exited
      if (code !== 1 || !stopped.output.includes('SETTINGS_CHANGED')) {
        throw new Error(`the normalizer ended with ${code}:\n${stopped.output}`)
      }
    },
    heal: async (world) => {
      await world.start('normalizer')
    },
  },
  {
    alert: 'PaystatusConservationBroken',
    labels: { stage: 'normalizer', severity: 'critical' },
    fault: 'a normalizer with a defect that passes over the first record of each chunk',
    healing: 'replaced by the right release',
    withinSeconds: 40,
    mayAlso: LATE_MEANWHILE,
    inject: async (world) => {
      const { program } = await mutatedCheckout(SKIPS_RECORDS)
      await (await world.start('normalizer-2', { program })).ready()
      await world.remove('normalizer')
    },
    heal: async (world) => {
      await (await world.start('normalizer')).ready()
      await world.remove('normalizer-2')
    },
  },
  {
    alert: 'PaystatusHangingTransaction',
    labels: { partition: '2', severity: 'critical' },
    fault: 'another program leaves a transaction open in `payments.status.changes`',
    healing: 'it is aborted',
    withinSeconds: 45,
    mayAlso: LATE_MEANWHILE,
    inject: async ({ stack, deployment }) => {
      const python = await ensureOracle(console.log)
      const script = join(import.meta.dirname, 'open-transaction.py')
      hanging = spawn(python, [script, stack.kafkaBrokers.join(','), deployment.topics.changes, '2'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      await once(hanging.stdout as NonNullable<ChildProcess['stdout']>, 'data')
    },
    heal: async () => {
      hanging?.stdin?.end()
      await once(hanging as ChildProcess, 'exit')
    },
  },
  {
    alert: 'PaystatusCallbacksRefused',
    labels: { source: 'jpm-v1', severity: 'warning' },
    fault: 'a source calls with a wrong secret as often as with the right one',
    healing: 'it no longer does',
    withinSeconds: 30,
    inject: async ({ load }) => {
      refused = setInterval(() => void load.post('jpm-v1', v1Body(randomUUID(), 'COMPLETED'), WRONG_SECRET), 500)
    },
    heal: async () => clearInterval(refused),
  },
  {
    alert: 'PaystatusSourceSilent',
    labels: { source: 'jpm-v2', severity: 'warning' },
    fault: 'a source sends nothing',
    healing: 'it sends again',
    withinSeconds: 45,
    inject: async ({ load }) => load.silence('jpm-v2'),
    heal: async ({ load }) => load.resume('jpm-v2'),
  },
  {
    alert: 'PaystatusDeadLetters',
    labels: { reason: 'invalid-json', severity: 'warning' },
    fault: 'a callback that cannot be read',
    pages: ['/dead-letters'],
    healing: '`paystatus dlq close`',
    withinSeconds: 40,
    inject: async ({ load }) => {
      await load.post('jpm-v1', '{"callbacks":[')
    },
    heal: async ({ deployment }) => {
      const { code, stderr } = await deployment.command(['dlq', 'close', '--all', '--by', 'drill', '--reason', 'drill'])
      if (code !== 0) {
        throw new Error(stderr)
      }
    },
  },
  {
    alert: 'PaystatusPaymentsOverdue',
    labels: { severity: 'warning' },
    fault: 'a payment stays ON_HOLD for longer than allowed',
    pages: ['/overdue'],
    healing: 'none becomes overdue for an hour (at the speed of the drill, a minute)',
    withinSeconds: 30,
    inject: async ({ load }) => {
      await load.post('jpm-v1', v1Body(onHold, 'PENDING_JPM_REVIEW'))
    },
    heal: async ({ load }) => {
      // The alert does not need it; without it, the payment would be overdue in all later drills.
      await load.post('jpm-v1', v1Body(onHold, 'COMPLETED'))
    },
  },
  {
    alert: 'PaystatusProcessDown',
    labels: { instance: 'gateway-2', severity: 'warning' },
    fault: 'a second gateway is killed (SIGKILL)',
    healing: 'started again',
    withinSeconds: 20,
    inject: async (world) => {
      const second = await world.start('gateway-2')
      second.signal('SIGKILL')
      await second.exited
    },
    heal: async (world) => {
      await world.start('gateway-2')
      await world.remove('gateway-2')
    },
  },
  {
    alert: 'PaystatusRedisMemory',
    labels: { severity: 'warning' },
    fault: 'Redis may use a tenth more than it does (`maxmemory`)',
    healing: 'no limit',
    withinSeconds: 40,
    inject: async ({ stack }) => {
      const used = Number(/used_memory:(\d+)/.exec(await redis(stack.redisUrl, 'INFO', 'memory'))?.[1])
      await redis(stack.redisUrl, 'CONFIG', 'SET', 'maxmemory', String(Math.round(used * 1.1)))
    },
    heal: async ({ stack }) => {
      await redis(stack.redisUrl, 'CONFIG', 'SET', 'maxmemory', '0')
    },
  },
  {
    alert: 'PaystatusCertificateExpires',
    labels: { severity: 'warning' },
    fault: "a gateway's certificate is valid for five more days",
    healing: 'a new certificate is written into its file',
    withinSeconds: 40,
    inject: async (world) => {
      world.writeCertificate(5)
      await world.start('gateway-tls', {
        configFile: world.configuration('tls', { gateway: { port: 0, tls: world.tlsFiles } }),
      })
    },
    heal: async (world) => world.writeCertificate(),
  },
  {
    alert: 'PaystatusStaleFiles',
    labels: { instance: 'gateway-tls', severity: 'warning' },
    fault: 'the certificate file of that gateway is overwritten with something else',
    healing: 'a new certificate is written into it',
    withinSeconds: 40,
    inject: async ({ tlsFiles }) => writeFileSync(tlsFiles.certificate, 'no certificate'),
    heal: async (world) => {
      world.writeCertificate()
      await eventually(
        async () => {
          if ((await world.process('gateway-tls').metric('paystatus_gateway_stale_files')) > 0) {
            throw new Error('still stale')
          }
        },
        { timeoutMs: 60_000 },
      )
      await world.remove('gateway-tls')
    },
  },
  {
    alert: 'PaystatusUnknownContent',
    labels: { provider: 'jpm-global-payments-v1', severity: 'info' },
    fault: 'a callback with a status that the mapping does not know',
    healing: 'none for an hour (at the speed of the drill, a minute)',
    withinSeconds: 20,
    inject: async ({ load }) => {
      await load.post('jpm-v1', v1Body(randomUUID(), 'HALF_COMPLETED'))
    },
    heal: async () => {},
  },
]

let refused: NodeJS.Timeout | undefined
const onHold = randomUUID()
const WRONG_SECRET = { 'x-callback-secret': 'not-the-secret' }

async function redis(url: string, ...words: readonly string[]): Promise<string> {
  const { Redis } = await import('ioredis')
  const client = new Redis(url)
  try {
    return String(await client.call(words[0] as string, ...words.slice(1)))
  } finally {
    client.disconnect()
  }
}
