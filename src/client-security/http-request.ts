import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { type TlsFiles, tlsOptionsOf } from './tls-files.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** For the whole exchange, ms. */
  readonly timeoutMs: number
  readonly tls?: TlsFiles | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

const ANSWER_BYTES_MAX = 4 << 20

/**
 * Sends one request on its own connection. `fetch` cannot be used because it accepts no CA. Resolves for every status and
 * follows no redirects. Rejects on network errors, time-outs and responses above 4 MiB.
 */
export function httpRequest(url: string, options: HttpRequest): Promise<HttpAnswer> {
  const { method, headers, body, timeoutMs, tls } = options
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const onResponse = (response: IncomingMessage) => {
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > ANSWER_BYTES_MAX) {
        response.destroy(new Error(`the answer is larger than ${ANSWER_BYTES_MAX} bytes`))
      }
    })
    response.on('error', reject)
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
    )
  }
  const common = { method, headers, agent: false, signal: AbortSignal.timeout(timeoutMs) } as const
  const request = url.startsWith('https:')
    ? requestTls(url, { ...common, ...tlsOptionsOf(tls ?? {}) }, onResponse)
    : requestPlain(url, common, onResponse)
  request.on('error', (error) => {
    reject(error.name === 'AbortError' ? new Error(`no answer within ${timeoutMs} ms`) : error)
  })
  request.end(body)
  return promise
}
