import { createServer, type Server } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { close, ListenError, listen } from '../src/http-server.ts'

const open: Server[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(close))
})

function server(): Server {
  const created = createServer()
  open.push(created)
  return created
}

test('a port that is taken is reported with its setting and what to do', async () => {
  const { port } = await listen(server(), { host: '127.0.0.1', port: 0 }, 'gateway')
  const second = listen(server(), { host: '127.0.0.1', port }, 'admin')
  await expect(second).rejects.toThrow(
    `admin.port: another process listens at 127.0.0.1:${port}; end it, or set another port (EADDRINUSE)`,
  )
  await expect(second).rejects.toBeInstanceOf(ListenError)
  await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('an address of another machine is reported with its setting', async () => {
  // TEST-NET-1, which no machine has.
  await expect(listen(server(), { host: '192.0.2.1', port: 0 }, 'console')).rejects.toThrow(
    /^console\.host: 192\.0\.2\.1:0 is not an address of this machine; .* \(EADDRNOTAVAIL\)$/,
  )
})

test('any other reason is named by its code', () => {
  const cause = Object.assign(new Error(), { code: 'EMFILE' })
  const { message } = new ListenError('gateway', { host: '::1', port: 1 }, cause)
  expect(message).toBe('gateway.host, gateway.port: cannot listen at ::1:1 (EMFILE)')
})
