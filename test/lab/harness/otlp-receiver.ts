import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { ensureOtlp } from '../stack/otlp-python.ts'

/** A span as OTLP's JSON form has it; ids are base64. */
interface SentSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly attributes?: readonly { readonly key: string; readonly value: Readonly<Record<string, string>> }[]
}

export interface Span {
  readonly name: string
  /** Hex digits, as are all ids. */
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly linkedTraces: readonly string[]
  readonly attributes: Readonly<Record<string, string>>
}

/** Reads requests from stdin, one per line in base64. */
const DECODE = `
import base64, json, sys
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
for line in sys.stdin:
    request = ExportTraceServiceRequest()
    request.ParseFromString(base64.b64decode(line))
    print(json.dumps(MessageToDict(request)))
`

/** Receives spans over HTTP as an OpenTelemetry collector does. */
export class OtlpReceiver {
  readonly endpoint: string
  /** What was posted to `/v1/traces`. */
  readonly requests: Buffer[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', async (request, response) => {
      const body = await buffer(request)
      if (request.url === '/v1/traces' && request.headers['content-type'] === 'application/x-protobuf') {
        this.requests.push(body)
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
      } else {
        response.writeHead(404).end()
      }
    })
  }

  static async start(): Promise<OtlpReceiver> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new OtlpReceiver(server)
  }

  /** All spans so far, decoded with OpenTelemetry's own messages. */
  async spans(): Promise<readonly Span[]> {
    const child = spawn(await ensureOtlp(() => {}), ['-c', DECODE], { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = once(child, 'close')
    child.stdin.end(this.requests.map((body) => `${body.toString('base64')}\n`).join(''))
    const lines = (await buffer(child.stdout)).toString().split('\n').filter(Boolean)
    const [code] = await ended
    if (code !== 0) {
      throw new Error(`reading the spans ended with ${code}`)
    }
    return lines
      .flatMap((line) => JSON.parse(line).resourceSpans ?? [])
      .flatMap(({ scopeSpans }) => scopeSpans)
      .flatMap(({ spans }) => spans.map(toSpan))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

function toSpan({ name, traceId, spanId, parentSpanId = '', links = [], attributes = [] }: SentSpan): Span {
  return {
    name,
    traceId: hex(traceId),
    spanId: hex(spanId),
    parentSpanId: hex(parentSpanId),
    linkedTraces: links.map((link) => hex(link.traceId)),
    attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])])),
  }
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex')
}
