import { expect, test } from 'vitest'
import { jpmGlobalPaymentsV1 } from '../../src/providers/jpm-global-payments-v1/translate.ts'
import { toCallbackFile } from '../../src/tools/callback-files.ts'
import { translateFiles } from '../../src/tools/translate-files.ts'

const fileWith = (file: string, body: unknown, position = 0) =>
  toCallbackFile(file, position, Buffer.from(JSON.stringify(body)), { provider: jpmGlobalPaymentsV1 })

test('every file has its own result with only the fields of the contract', () => {
  const good = { firmRootId: 'f1', paymentStatus: 'PENDING' }
  const results = translateFiles(jpmGlobalPaymentsV1, [
    fileWith('mixed', { callbacks: [good, 1] }),
    fileWith('empty', { callbacks: [] }, 1),
  ])
  expect(results).toEqual([
    {
      file: 'mixed',
      events: [expect.objectContaining({ paymentKey: 'jpm-global-payments-v1:f1', status: 'PROCESSING', element: 0 })],
      deadLetters: [expect.objectContaining({ reason: 'element-not-an-object', element: 1 })],
      setAside: 0,
    },
    { file: 'empty', events: [], deadLetters: [], setAside: 1 },
  ])
})
