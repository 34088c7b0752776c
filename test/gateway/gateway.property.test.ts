import { Agent } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GatewayFixture } from './gateway-fixture.ts'

let fixture: GatewayFixture
const agent = new Agent({ keepAlive: true })
beforeAll(async () => {
  fixture = await GatewayFixture.start({ bodyBytesMax: 100_000, waitingBytesMax: 1_000_000 })
})
afterAll(async () => {
  agent.destroy()
  await fixture.gateway.stop()
})

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 4_096 }),
  fc.json().map((text) => Buffer.from(text)),
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  fc.integer({ min: 0, max: 100_000 }).map((length) => Buffer.alloc(length, length)),
)

test('any bytes, with a length or in chunks, are in the record unchanged (I1)', async () => {
  await fc.assert(
    fc.asyncProperty(bytes, fc.boolean(), async (body, chunked) => {
      fixture.appendLog.appended.length = 0
      const headers: Record<string, string> = chunked ? { 'transfer-encoding': 'chunked' } : {}
      const answer = await fixture.call({ path: '/callbacks/open', body: Buffer.from(body), headers, agent })
      expect(answer.code).toBe(200)
      expect(fixture.appendLog.appended).toHaveLength(1)
      expect(fixture.appendLog.appended[0]?.record.value?.equals(body)).toBe(true)
    }),
    { numRuns: 200 },
  )
})
