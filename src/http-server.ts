import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ListeningAddress {
  readonly host: string
  readonly port: number
}

/** Resolves once the server listens; port 0 chooses a free one. Rejects if the port is taken. */
export function listen(server: Server, { host, port }: ListeningAddress): Promise<ListeningAddress> {
  const { promise, resolve, reject } = Promise.withResolvers<ListeningAddress>()
  server.once('error', reject)
  server.listen(port, host, () => {
    server.off('error', reject)
    resolve({ host, port: (server.address() as AddressInfo).port })
  })
  return promise
}

/** Closes the server and all its connections. Idempotent. */
export function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  server.closeAllConnections()
  return promise
}
