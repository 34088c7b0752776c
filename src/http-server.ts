import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { UsageError } from './usage-error.ts'

export interface ListeningAddress {
  readonly host: string
  readonly port: number
}

/** A server cannot listen at the address that it was given. The message names the setting. */
export class ListenError extends UsageError {
  readonly code: string

  constructor(section: string, { host, port }: ListeningAddress, cause: NodeJS.ErrnoException & { code: string }) {
    const problem = PROBLEMS[cause.code]?.(`${host}:${port}`)
    super(`${section}.${problem ?? `host, ${section}.port: cannot listen at ${host}:${port}`} (${cause.code})`, {
      cause,
    })
    this.name = 'ListenError'
    this.code = cause.code
  }
}

const PROBLEMS: Readonly<Record<string, (address: string) => string>> = {
  EADDRINUSE: (address) => `port: another process listens at ${address}; end it, or set another port`,
  EACCES: (address) => `port: this user may not listen at ${address}; set a port above 1023`,
  EADDRNOTAVAIL: (address) => `host: ${address} is not an address of this machine; set one, or 0.0.0.0 for all`,
  ENOTFOUND: (address) => `host: the name in ${address} is not known; set an address of this machine`,
}

/**
 * Resolves once the server listens; port 0 chooses a free one. Rejects with ListenError if it cannot, for example because the
 * port is taken.
 *
 * @param section The section of the configuration that has `host` and `port`.
 */
export function listen(server: Server, address: ListeningAddress, section: string): Promise<ListeningAddress> {
  const { promise, resolve, reject } = Promise.withResolvers<ListeningAddress>()
  const { host, port } = address
  const refuse = (error: NodeJS.ErrnoException) => {
    const { code } = error
    reject(code === undefined ? error : new ListenError(section, address, Object.assign(error, { code })))
  }
  server.once('error', refuse)
  server.listen(port, host, () => {
    server.off('error', refuse)
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
