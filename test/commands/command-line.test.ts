import { expect, test } from 'vitest'
import { EXIT_FAILED, EXIT_USAGE, exitCodeOf } from '../../src/commands/command-line.ts'
import { ConfigError } from '../../src/config.ts'
import { CallbackFilesError } from '../../src/tools/callback-files.ts'
import { ConformanceOptionsError } from '../../src/tools/conformance/conformance.ts'
import { SimulationOptionsError } from '../../src/tools/simulate/plan.ts'

test.each([
  new ConfigError(['kafka.brokers: missing']),
  new SimulationOptionsError(['payments: too many']),
  new CallbackFilesError(['a.json']),
  new ConformanceOptionsError('a topic exists'),
])('the user can mend it: $name', (error) => {
  expect(exitCodeOf(error)).toBe(EXIT_USAGE)
})

test.each([new Error('any'), Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })])(
  'it failed: %s',
  (error) => {
    expect(exitCodeOf(error)).toBe(EXIT_FAILED)
  },
)
