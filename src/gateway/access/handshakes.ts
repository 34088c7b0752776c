import type { Server } from 'node:https'
import type { Socket } from 'node:net'

/**
 * Connections that have not agreed on TLS yet. For http they do not exist: it neither counts them nor closes them, so a
 * server that stops would wait for them until their handshake times out.
 */
export class Handshakes {
  readonly #sockets = new Map<string, Socket>()

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      const peer = peerOf(socket)
      this.#sockets.set(peer, socket)
      socket.once('close', () => {
        if (this.#sockets.get(peer) === socket) {
          this.#sockets.delete(peer)
        }
      })
    })
    server.on('secureConnection', (socket) => this.#sockets.delete(peerOf(socket)))
  }

  /** Ends them all. */
  end(): void {
    for (const socket of this.#sockets.values()) {
      socket.destroy()
    }
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
