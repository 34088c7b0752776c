import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { Deployment } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'

/** `paystatus lag` and `paystatus status` on real servers. */

/** The parts of both documents that are looked at. */
interface Printed {
  readonly stages: readonly { readonly ageMs: number }[]
  readonly problems: readonly { readonly problem: string }[]
  readonly sources: readonly { readonly id: string; readonly lastCallbackAt: string | null }[]
  readonly processes: readonly { readonly ready: boolean }[]
  readonly lag: readonly { readonly records: number }[]
  readonly deadLetters: Readonly<Record<string, number>>
}

let deployment: Deployment

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), { partitions: 2 })
})
afterAll(() => deployment?.close())

async function json(...args: string[]) {
  const { code, stdout, stderr } = await deployment.command([...args, '--json'])
  expect(stderr).toBe('')
  return { code, document: JSON.parse(stdout) as Printed }
}

test('a callback that nobody processes is seen in lag and status, and no longer once it is processed', async () => {
  const gateway = await deployment.start(['gateway'])
  const { path = '' } = deployment.config.sources.find(({ id }) => id === 'instamed') ?? {}
  const answer = await fetch(gateway.gatewayUrl + path, { method: 'POST', body: 'not what InstaMed sends' })
  expect(answer.status).toBe(200)

  // The coordinator of a group that nobody used yet has to be found first.
  const lag = await eventually(() => json('lag'))
  expect(lag).toMatchObject({ code: 0, document: { stages: [{ stage: 'normalizer', records: 1 }, { records: 0 }] } })
  expect(lag.document.stages[0]?.ageMs).toBeGreaterThan(0)
  const late = await json('status', '--late', '1ms', '--process', gateway.adminUrl, '--process', 'http://127.0.0.1:1')
  expect(late.code).toBe(1)
  expect(late.document.problems.map(({ problem }) => problem)).toEqual([
    expect.stringContaining('no normalizer is running'),
    expect.stringContaining('no processor is running'),
    expect.stringContaining('http://127.0.0.1:1 is not ready'),
    expect.stringContaining('the normalizer is late: 1 record waiting'),
  ])
  expect(late.document).toMatchObject({ callbacksPerMinute: 0.2, overdue: 0, deadLetters: {} })
  expect(late.document.sources.find(({ id }) => id === 'instamed')?.lastCallbackAt).not.toBeNull()
  expect(late.document.processes[0]).toMatchObject({ ready: true })
  // Only a command that just prints ends with its reader.
  expect(await deployment.command(['status'], { unread: true })).toEqual({ code: 1, stdout: '', stderr: '' })
  expect(await deployment.command(['lag', '--watch'], { unread: true })).toEqual({ code: 0, stdout: '', stderr: '' })

  await deployment.start(['normalizer', 'processor'])
  await eventually(async () => {
    const { code, document } = await json('status')
    expect(document.lag).toMatchObject([{ records: 0 }, { records: 0 }])
    expect([code, Object.values(document.deadLetters)]).toEqual([1, [1]])
  })
  const { stdout } = await deployment.command(['status'])
  expect(stdout).toMatch(/^! 1 dead letter needs a decision \(see: paystatus dlq list\)\n/)
})
