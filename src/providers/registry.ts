import { instamed } from './instamed/translate.ts'
import { jpmGlobalPaymentsV1 } from './jpm-global-payments-v1/translate.ts'
import { jpmGlobalPaymentsV2 } from './jpm-global-payments-v2/translate.ts'
import type { Provider } from './provider.ts'

const PROVIDERS: readonly Provider[] = [jpmGlobalPaymentsV1, jpmGlobalPaymentsV2, instamed]

export const PROVIDER_IDS: readonly string[] = PROVIDERS.map((provider) => provider.id)

export function providerById(id: string): Provider | undefined {
  return PROVIDERS.find((provider) => provider.id === id)
}
