import type { Provider } from '../providers/provider.ts'
import { providerById } from '../providers/registry.ts'

/** What translating a source's callbacks requires. */
export interface SourceFacts {
  readonly id: string
  readonly namespace: string
  readonly currency: string | null
  /** Maximum JSON nesting depth; the default if not given. */
  readonly jsonDepthMax?: number
}

/** The configured sources by id, each with the adapter that reads its callbacks. */
export type SourcesById = ReadonlyMap<string, { readonly facts: SourceFacts; readonly provider: Provider }>

/** Leaves out a source of an unknown provider; the configuration accepts none. */
export function sourcesById(sources: readonly (SourceFacts & { readonly provider: string })[]): SourcesById {
  return new Map(
    sources.flatMap((source) => {
      const provider = providerById(source.provider)
      return provider === undefined ? [] : [[source.id, { facts: source, provider }] as const]
    }),
  )
}
