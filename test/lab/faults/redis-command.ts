import { once } from 'node:events'
import { createConnection } from 'node:net'
import type { Server } from '../stack/server.ts'

const REPLY_MAX_MS = 3_000

/** Sends one inline command directly to the server, past all proxies. Resolves with the raw reply; throws on an error reply. */
export async function redisCommand(server: Server, command: string): Promise<string> {
  const socket = createConnection(server.ports[0] as number, '127.0.0.1')
  socket.setTimeout(REPLY_MAX_MS, () => socket.destroy(new Error(`no answer to ${command}`)))
  await once(socket, 'connect')
  socket.write(`${command}\r\nQUIT\r\n`)
  let reply = ''
  for await (const chunk of socket) {
    reply += chunk
  }
  if (reply.startsWith('-')) {
    throw new Error(`${command}: ${reply.trim()}`)
  }
  return reply
}
