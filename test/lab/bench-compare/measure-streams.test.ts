import { expect, test } from 'vitest'
import { readReport } from './measure-streams.ts'

const LINE =
  '{"callbacks":305251,"distinct":277374,"duplicates":27877,"seconds":5.7,"cpuSeconds":8.3,"brokerCpuSeconds":1.4,"peakRssMiB":430}'

test('the report is the last line of JSON, whatever the libraries log around it', () => {
  expect(readReport(`[main] WARN a warning\n{"callbacks":1}\n${LINE}\n[main] WARN closing\n`)).toEqual(JSON.parse(LINE))
})

test('output without a report is an error that shows the output', () => {
  expect(() => readReport('Exception in thread "main"')).toThrow('Exception in thread')
})
