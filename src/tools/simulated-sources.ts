import type { Config, SourceConfig } from '../config.ts'
import { SIMULATED_PROVIDERS, type SimulatedProvider } from './simulate/lifecycles.ts'
import type { SimulatedSource } from './simulate/simulate.ts'

/** The configured sources as the simulator calls them: with their URL and their credentials. */
export function simulatedSources(config: Config, gatewayUrl: string): readonly SimulatedSource[] {
  return config.sources.flatMap((source) => {
    const provider = SIMULATED_PROVIDERS.find((candidate) => candidate === source.provider)
    return provider === undefined ? [] : [toSimulated(source, provider, gatewayUrl)]
  })
}

function toSimulated(source: SourceConfig, provider: SimulatedProvider, gatewayUrl: string): SimulatedSource {
  return {
    id: source.id,
    provider,
    namespace: source.namespace,
    url: gatewayUrl.replace(/\/$/, '') + source.path,
    successCode: source.successCode,
    headers: credentialHeaders(source),
  }
}

function credentialHeaders({ authentication }: SourceConfig): Record<string, string> {
  switch (authentication.type) {
    case 'none':
      return {}
    case 'header':
      return { [authentication.header]: authentication.secret }
    case 'basic':
      return {
        authorization: `Basic ${Buffer.from(`${authentication.username}:${authentication.password}`).toString('base64')}`,
      }
    default:
      return authentication satisfies never
  }
}
