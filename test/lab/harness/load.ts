import { runSimulation, type SimulationOptions, type SimulationReport } from '../../../src/tools/simulate/simulate.ts'
import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import type { Deployment } from './deployment.ts'

/** Sends callbacks to a gateway of the deployment as the providers would, including some of everything that can go wrong. */
export function simulate(
  deployment: Deployment,
  gatewayUrl: string,
  options: Partial<SimulationOptions> & Pick<SimulationOptions, 'seed' | 'payments'>,
): Promise<SimulationReport> {
  return runSimulation({
    sources: simulatedSources(deployment.config, gatewayUrl),
    duplicateShare: 0.2,
    reorderShare: 0.3,
    malformedShare: 0.05,
    multiPaymentShare: 0.3,
    lateShare: 0.1,
    ...options,
  })
}
