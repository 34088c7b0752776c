import { expect, test } from 'vitest'
import { EXIT_FAILED, EXIT_USAGE, exitCodeOf, lostOutputMessage } from '../../src/commands/command-line.ts'
import { ConfigError } from '../../src/config.ts'
import { ListenError } from '../../src/http-server.ts'
import { CallbackFilesError } from '../../src/tools/callback-files.ts'
import { ConformanceOptionsError } from '../../src/tools/conformance/conformance.ts'
import { SimulationOptionsError } from '../../src/tools/simulate/plan.ts'

test.each([
  new ConfigError(['kafka.brokers: missing']),
  new SimulationOptionsError(['payments: too many']),
  new CallbackFilesError(['a.json']),
  new ConformanceOptionsError('a topic exists'),
  new ListenError('admin', { host: '127.0.0.1', port: 9090 }, Object.assign(new Error(), { code: 'EADDRINUSE' })),
])('the user can mend it: $name', (error) => {
  expect(exitCodeOf(error)).toBe(EXIT_USAGE)
})

test.each([new Error('any'), Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })])(
  'it failed: %s',
  (error) => {
    expect(exitCodeOf(error)).toBe(EXIT_FAILED)
  },
)

test('standard output that cannot be written is worth a message, unless the reader has seen enough', () => {
  const of = (code: string) => lostOutputMessage(Object.assign(new Error('write'), { code }))
  expect(of('EPIPE')).toBeNull()
  expect(of('ENOSPC')).toBe(
    'paystatus: the standard output cannot be written (ENOSPC); what was printed is incomplete\n',
  )
})
