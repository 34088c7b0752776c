import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/** Sends bytes as they are, and returns everything that was answered until the server closed the connection. */
export function sendBytes(port: number, bytes: string, host = '127.0.0.1'): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect({ port, host })
  let text = ''
  socket.setTimeout(20_000, () => socket.destroy(new Error(`no end of the answer after: ${text.slice(0, 200)}`)))
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  // A server that refuses what it has not read resets the connection; what it answered before counts.
  socket.on('error', (error) => (text === '' ? reject(error) : resolve(text)))
  socket.on('close', () => resolve(text))
  socket.write(bytes)
  return promise
}

/** A request with headers as they are: repeated, without Host, or malformed. */
export async function sendRaw(
  port: number,
  target: string,
  headers: readonly string[] = ['Host: localhost'],
  { method = 'GET', body = '', host }: { method?: string; body?: string; host?: string } = {},
): Promise<RawAnswer> {
  const head = [`${method} ${target} HTTP/1.1`, ...headers, 'Connection: close']
  return answerOf(await sendBytes(port, `${head.join('\r\n')}\r\n\r\n${body}`, host))
}

export function answerOf(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const [status = '', ...headers] = text.slice(0, end).split('\r\n')
  const pairs = headers.map((line): [string, string] => {
    const at = line.indexOf(':')
    return [line.slice(0, at), line.slice(at + 1).trim()]
  })
  return { status: Number(status.split(' ')[1]), headers: new Headers(pairs), body: text.slice(end + 4) }
}
