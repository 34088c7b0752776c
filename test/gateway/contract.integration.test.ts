import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { checkContract } from '../lab/harness/contract.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'

/** Checks the gateway against the description it serves. `make security` sends ten times as many requests. */

let deployment: Deployment
let gateway: RoleProcess

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'))
  gateway = await deployment.start(['gateway'])
  await gateway.ready()
})

afterAll(() => deployment?.close())

test('generated requests are answered as the OpenAPI description says, and never with a 5xx', async () => {
  const run = await checkContract(deployment, gateway, { examplesPerOperation: 20, seed: 1 })
  expect(run.failures).toEqual([])
  expect(run.generated).toBeGreaterThan(200)
  // Some requests got through, and some were refused.
  expect(Object.keys(run.codes)).toEqual(expect.arrayContaining(['200', '204', '401', '405', '415']))
})

test('the command prints what the admin port serves', async () => {
  const served = await (await fetch(`${gateway.adminUrl}/openapi.json`)).json()
  const { code, stdout } = await deployment.command(['openapi'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual(served)
})
