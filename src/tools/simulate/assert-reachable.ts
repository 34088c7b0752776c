import { once } from 'node:events'
import { connect } from 'node:net'

const CONNECT_MAX_MS = 5_000

class GatewayUnreachableError extends Error {
  readonly code = 'GATEWAY_UNREACHABLE'

  constructor(gateway: string, cause: Error) {
    super(`${gateway} cannot be reached: ${cause.message}. Start a gateway there, or name another one with --gateway`, {
      cause,
    })
    this.name = 'GatewayUnreachableError'
  }
}

/** Rejects with GatewayUnreachableError if nothing accepts connections there, so that nobody waits for a whole simulation to fail. */
export async function assertReachable(gateway: string): Promise<void> {
  const { hostname, port, protocol } = new URL(gateway)
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
  })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MAX_MS) })
  } catch (error) {
    throw new GatewayUnreachableError(gateway, error as Error)
  } finally {
    socket.destroy()
  }
}
