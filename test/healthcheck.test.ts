import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const HEALTHCHECK = fileURLToPath(new URL('../src/healthcheck.ts', import.meta.url))

/** The exit code and the output. */
function check(question: string, port: number): Promise<readonly [number, string]> {
  const { promise, resolve } = Promise.withResolvers<readonly [number, string]>()
  const env = { ...process.env, PAYSTATUS_ADMIN_PORT: String(port) }
  execFile(process.execPath, [HEALTHCHECK, question], { env }, (error, stdout) =>
    resolve([typeof error?.code === 'number' ? error.code : 0, stdout]),
  )
  return promise
}

test('the health check of the image queries the admin server and prints why it fails', async () => {
  const server = createServer(({ url }, response) => {
    response.writeHead(url === '/health/live' ? 200 : 503).end(`{"asked":"${url}"}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    expect(await check('live', port)).toEqual([0, '{"asked":"/health/live"}'])
    expect(await check('ready', port)).toEqual([1, '{"asked":"/health/ready"}'])
  } finally {
    server.close()
  }
  expect(await check('live', port)).toEqual([1, expect.stringContaining('ECONNREFUSED')])
}, 60_000)
