import { createConnection, createServer, type Server as NetServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { ServerControl, ServerName } from './server.ts'

/**
 * Lets other processes control the servers of a stack: vitest's workers, the demo, `make down`.
 *
 * One request per connection, as a line of JSON over a Unix socket. The process that answers is the stack's owner; a pid in
 * a file could not prove that.
 */
export type ControlRequest =
  | { readonly action: 'ping' | 'shutdown' }
  | { readonly action: keyof ServerControl; readonly server: ServerName }

type ControlReply = { readonly result: unknown } | { readonly error: string }

export function serveControl(path: string, handle: (request: ControlRequest) => Promise<unknown>): NetServer {
  const answer = async (socket: Socket) => {
    socket.on('error', () => {})
    for await (const line of createInterface({ input: socket })) {
      const reply = await handle(JSON.parse(line)).then(
        (result): ControlReply => ({ result }),
        (error: unknown): ControlReply => ({ error: error instanceof Error ? error.message : String(error) }),
      )
      socket.end(`${JSON.stringify(reply)}\n`)
    }
  }
  return createServer((socket) => void answer(socket).catch(() => socket.destroy())).listen(path)
}

/** Rejects if there is no answer. A `shutdown` resolves when the owner is gone. */
export async function callControl(path: string, request: ControlRequest): Promise<unknown> {
  const socket = createConnection(path)
  socket.write(`${JSON.stringify(request)}\n`)
  let reply = ''
  for await (const chunk of socket) reply += chunk
  if (reply === '' && request.action === 'shutdown') return undefined
  const parsed: ControlReply = JSON.parse(reply)
  if ('error' in parsed) throw new Error(parsed.error)
  return parsed.result
}
