import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/**
 * Below the ephemeral ranges of Linux (32768) and macOS (49152), so that no outgoing connection takes the port of a server
 * that a fault test has stopped.
 */
const FIRST_PORT = 20_000
const PORTS = 6_000
/** Distance from a port to the one that represents its reservation. */
const LOCK_DISTANCE = PORTS

/**
 * A free port of 127.0.0.1, reserved until this process ends.
 *
 * The reservation is another port, far above it, on which this process listens: the operating system gives it to one process
 * only and frees it however that process ends, so no lock needs cleaning up. This function never returns a reserved port, in
 * any process of any checkout, even while its server is down. A program that binds the port without asking here can still
 * take it; launch() then chooses another one.
 */
export async function freePort(): Promise<number> {
  return reservePort(FIRST_PORT, PORTS)
}

/** Like freePort, of `count` ports from `first`. Throws when none is left. */
export async function reservePort(first: number, count: number): Promise<number> {
  const start = Math.floor(Math.random() * count)
  for (let tried = 0; tried < count; tried += 1) {
    const port = first + ((start + tried) % count)
    const lock = await listenOn(port + LOCK_DISTANCE)
    if (lock === undefined) continue
    const server = await listenOn(port)
    if (server !== undefined) {
      server.close()
      await once(server, 'close')
      return port
    }
    lock.close()
  }
  throw new Error(`every port from ${first} to ${first + count - 1} is taken`)
}

/** Undefined if another process listens there. Does not keep this process alive. */
async function listenOn(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy()).unref()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  } catch {
    return undefined
  }
}
