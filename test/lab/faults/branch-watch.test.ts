import { expect, test } from 'vitest'
import { branchesOf } from './branch-watch.ts'

test('adds up the counts and log lines of all processes, and omits paths that were never taken', () => {
  const doubt = (error: object) =>
    JSON.stringify({ msg: 'lane in doubt: will reopen once the group confirms the partition', err: error })
  const metrics = (restores: number) => `# HELP something
paystatus_processor_restore_seconds_count{kind="replay"} ${restores}
paystatus_processor_restore_seconds_count{kind="rebuild"} 0
paystatus_processor_redis_waits_total 1
paystatus_gateway_requests_total{source="jpm-v1",code="503"} 2
paystatus_gateway_requests_total{source="jpm-v1",code="200"} 70
`
  const output = [
    'processor ready',
    doubt({ message: 'timeout' }),
    doubt({ name: 'KafkaJSProtocolError', code: 47, message: 'Producer attempted an operation with an old epoch' }),
    JSON.stringify({ msg: 'ending a transaction that its coordinator left half-ended', outcome: 'commit' }),
    JSON.stringify({ msg: 'view rebuilt from payments.status.current', why: 'there is no view' }),
    '{"msg":"cut off',
  ].join('\n')
  expect(
    branchesOf([
      { output, metrics: metrics(3) },
      { output: doubt({}), metrics: metrics(1) },
    ]),
  ).toEqual({
    fenced: 1,
    'gateway 503': 4,
    'lane in doubt': 3,
    'rebuilt because there is no view': 1,
    'restore replay': 4,
    'settled by commit': 1,
    'waited for Redis': 2,
  })
})
