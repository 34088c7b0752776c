import type { Provider } from '../providers/provider.ts'
import { providerById } from '../providers/registry.ts'
import type { SourceFacts } from './to-callback.ts'

/** The configured sources by their id, each with the adapter that reads its callbacks. */
export type SourcesById = ReadonlyMap<string, { readonly facts: SourceFacts; readonly provider: Provider }>

/** A source whose provider is not known is left out; the configuration does not let one through. */
export function sourcesById(sources: readonly (SourceFacts & { readonly provider: string })[]): SourcesById {
  return new Map(
    sources.flatMap((source) => {
      const provider = providerById(source.provider)
      return provider === undefined ? [] : [[source.id, { facts: source, provider }] as const]
    }),
  )
}
