import type { Patched } from './mutants/mutant.ts'

/** First part of the ids that the older release gives to returns, after the namespace. */
export const OLD_RETURN_PREFIX = 'old-'

/**
 * An older release of the product, as a patch of the present one. Its mappings of v1 and v2 have the version before the present
 * one, do not know the status COMPLETED, and key returns by another id. InstaMed's mapping is the same.
 */
export const OLD_RELEASE: Patched = {
  name: 'old-release',
  patches: [
    {
      file: 'src/providers/jpm-global-payments-v1/translate.ts',
      find: "{ id: 'jpm-global-payments-v1', mappingVersion: ",
      replace: "{ id: 'jpm-global-payments-v1', mappingVersion: -1 + ",
    },
    {
      file: 'src/providers/jpm-global-payments-v1/status-map.ts',
      find: "{ sourceStatus: 'COMPLETED', status",
      replace: "{ sourceStatus: 'NOT COMPLETED', status",
    },
    {
      file: 'src/providers/jpm-global-payments-v2/translate.ts',
      find: "{ id: 'jpm-global-payments-v2', mappingVersion: ",
      replace: "{ id: 'jpm-global-payments-v2', mappingVersion: -1 + ",
    },
    {
      file: 'src/providers/jpm-global-payments-v2/status-map.ts',
      find: "{ sourceStatus: 'COMPLETED', sourceSubStatus: '*'",
      replace: "{ sourceStatus: 'NOT COMPLETED', sourceSubStatus: '*'",
    },
    {
      file: 'src/providers/jpm-global-payments-v2/translate.ts',
      find: 'const paymentKey = v2PaymentKey(callback.namespace, returnId)',
      replace: `const paymentKey = v2PaymentKey(callback.namespace, \`${OLD_RETURN_PREFIX}\${returnId}\`)`,
    },
  ],
}
