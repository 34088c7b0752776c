import type { Authentication } from '../config/authentication.ts'
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
    url: gatewayUrl.replace(/\/$/, '') + source.path + source.authentication.map(pathTokenOf).join(''),
    successCode: source.successCode,
    headers: Object.assign({}, ...source.authentication.map(credentialHeaders)),
  }
}

function pathTokenOf(authentication: Authentication): string {
  return authentication.type === 'path-token' ? `/${authentication.tokens[0]?.value}` : ''
}

/** What can be shown without looking at the body; signatures and client certificates the simulator does not make. */
function credentialHeaders(authentication: Authentication): Record<string, string> {
  switch (authentication.type) {
    case 'header':
      return { [authentication.header]: authentication.secrets[0]?.value ?? '' }
    case 'basic': {
      const credentials = `${authentication.username}:${authentication.passwords[0]?.value}`
      return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
    }
    default:
      return {}
  }
}
