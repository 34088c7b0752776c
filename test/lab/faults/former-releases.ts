import type { Patched } from './mutants/mutant.ts'

/** Prefix of the ids that the misreading release gives to returns; it follows the namespace. */
export const WRONG_RETURN_PREFIX = 'old-'

/**
 * A former release that reads callbacks differently, made by patching the current one. Its v1 and v2 mappings have the previous
 * version and do not know the status COMPLETED; the v2 mapping also gives returns another key. InstaMed's mapping is unchanged.
 */
export const MISREADING_RELEASE: Patched = {
  name: 'misreading-release',
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
      replace: `const paymentKey = v2PaymentKey(callback.namespace, \`${WRONG_RETURN_PREFIX}\${returnId}\`)`,
    },
  ],
}

/**
 * A former release that cannot read some good callbacks and makes dead letters of them: it treats COMPLETED of v1 and v2
 * as a missing status, and its adapter fails on returns.
 */
export const REFUSING_RELEASE: Patched = {
  name: 'refusing-release',
  patches: [
    {
      file: 'src/providers/jpm-global-payments-v1/translate.ts',
      find: 'if (sourceStatus === null || meaning === null) {',
      replace: "if (sourceStatus === null || meaning === null || sourceStatus === 'COMPLETED') {",
    },
    {
      file: 'src/providers/jpm-global-payments-v2/translate.ts',
      find: "if (sourceStatus === null) {\n    return deadLetter('missing-status', 'the element has no paymentStatus'",
      replace:
        "if (sourceStatus === null || sourceStatus === 'COMPLETED') {\n    return deadLetter('missing-status', 'the element has no paymentStatus'",
    },
    {
      file: 'src/providers/jpm-global-payments-v2/translate.ts',
      find: 'const originalKey = originalId === null ? null : v2PaymentKey(callback.namespace, originalId)',
      replace: "const originalKey: string | null = null\n  if (paymentKey !== '') throw new TypeError('planted')",
    },
  ],
}
