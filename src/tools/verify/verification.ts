import type { Config } from '../../config.ts'
import type { StateStore } from '../../processor/state-store.ts'
import { topicNames } from '../../topics.ts'
import { Comparison, type ComparisonOptions, type ComparisonPorts } from './comparison.ts'
import { differencesOfView } from './differences-of-view.ts'
import { Findings, type VerifyReport } from './verify-report.ts'

/** Access to the servers; read only. */
export interface VerificationPorts extends ComparisonPorts {
  /** Null leaves the view out. */
  readonly store: Omit<StateStore, 'write' | 'reset'> | null
}

/** One run of `paystatus verify`: the comparison, and the differences that it finds. */
export async function runVerification(
  ports: VerificationPorts,
  config: Config,
  options: ComparisonOptions = {},
): Promise<VerifyReport> {
  const findings = new Findings()
  const { store } = ports
  const { payment, since } = options
  const settings = { payments: config.payments, topics: topicNames(config.kafka.topicPrefix) }
  const compared = await new Comparison(ports, config, options).run({
    payment: (_, { differences }) => findings.add(differences),
    partition: async ({ inRaw, ...part }) => {
      if (store !== null) {
        const only = payment !== undefined ? [payment] : since !== undefined ? [...inRaw] : null
        findings.add(await differencesOfView({ ...ports, store }, settings, { ...part, only }))
      }
    },
  })
  return {
    ...compared,
    lost: findings.count('lost'),
    duplicated: findings.count('duplicated'),
    wrongStatus: findings.count('wrongStatus'),
    wrongVersion: findings.count('wrongVersion'),
    viewDiffers: store === null ? null : findings.count('viewDiffers'),
    unexplained: findings.count('unexplained'),
    ok: findings.total === 0,
    differences: findings.listed,
  }
}
