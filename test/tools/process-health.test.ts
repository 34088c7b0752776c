import { createServer } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { close, listen } from '../../src/http-server.ts'
import { readHealths } from '../../src/tools/process-health.ts'

const server = createServer((_, response) => {
  response.end(
    JSON.stringify({ ready: false, components: { kafka: { ok: true }, redis: { ok: false, reason: 'full' } } }),
  )
})
let port = 0
beforeAll(async () => {
  port = (await listen(server, { host: '127.0.0.1', port: 0 }, 'test')).port
})
afterAll(() => close(server))

test('a name that stands for several addresses stands for several processes', async () => {
  const two = async () => [
    { address: '127.0.0.1', family: 4 },
    { address: '127.0.0.2', family: 4 },
  ]
  expect(await readHealths(`http://paystatus-admin:${port}`, two)).toEqual([
    { url: `http://127.0.0.1:${port}`, ready: false, reasons: ['redis: full'] },
    { url: `http://127.0.0.2:${port}`, ready: null, reasons: [expect.stringMatching(/^does not answer \(\w+\)$/)] },
  ])
})

test('a name with one address keeps its name', async () => {
  const one = async () => [{ address: '127.0.0.1', family: 4 }]
  expect(await readHealths(`http://localhost:${port}/`, one)).toMatchObject([{ url: `http://localhost:${port}/` }])
})

test('a name that cannot be resolved does not answer', async () => {
  const none = async () => Promise.reject(new Error('ENOTFOUND'))
  expect(await readHealths('http://nobody.invalid:1', none)).toMatchObject([{ ready: null }])
})
