import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ephemeral ranges of Linux (32768) and macOS (49152): no outgoing connection takes the port of a server that
 * is down for a moment in a fault test.
 */
const FIRST_PORT = 20_000
const PORTS = 12_000

/** A port that is free now. Another process may take it before the server does: the caller retries with another one. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
