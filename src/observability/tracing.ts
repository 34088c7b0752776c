import { type Link, ROOT_CONTEXT, type SpanContext, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api'
import { parseTraceParent } from '@opentelemetry/core'
import type { TraceBatch } from '../stream/trace-tasks.ts'
import { traceparentOf } from '../stream/traceparent.ts'
import { VERSION } from '../version.ts'

export interface TracingOptions {
  /** Base URL of the OTLP receiver (HTTP, protobuf); spans go to `/v1/traces` below it. */
  readonly endpoint: string
  /** Share of the callbacks that get spans, 0 to 1. */
  readonly sampleRatio: number
  /** Attribute `deployment.environment.name` of all spans. */
  readonly environment: string
}

/** The span of one callback at the gateway. */
export interface CallbackSpan {
  /** For the header of its record in raw. */
  readonly traceparent: string
  /** Ends the span. `code` is the HTTP status of the answer. */
  end(code: number): void
}

export interface Tracing {
  /**
   * Begins the span of a callback; null if it is not sampled. The span is always the root of a new trace. A caller's own trace
   * context becomes a link and decides nothing.
   *
   * @param sentTraceparent The `traceparent` header of the request.
   */
  startCallback(source: string, provider: string, sentTraceparent: unknown): CallbackSpan | null
  /** Runs a batch within a span that has links to the spans of its callbacks; without a span if none was sampled. */
  readonly batch: TraceBatch
  /** Sends what is left, for at most five seconds. */
  close(): Promise<void>
}

const CLOSE_LIMIT_MS = 5_000

/**
 * Traces by OpenTelemetry. The SDK is loaded here only, so that tracing costs nothing while it is off. It also reads the
 * variables of its specification, such as `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS`.
 *
 * Spans hold names of sources, providers, stages and topics, and numbers; nothing from a body, and no message of an error (I9).
 * If the receiver is down or slow, spans are dropped: no stage waits for it.
 */
export async function createTracing({ endpoint, sampleRatio, environment }: TracingOptions): Promise<Tracing> {
  const [sdk, { OTLPTraceExporter }, { defaultResource, detectResources, envDetector, resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-proto'),
      import('@opentelemetry/resources'),
    ])
  const ours = { 'service.name': 'paystatus', 'service.version': VERSION, 'deployment.environment.name': environment }
  const provider = new sdk.TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes(ours))
      .merge(detectResources({ detectors: [envDetector] })),
    // Whether to sample is decided before a span is begun: a span that is not sampled costs too much.
    sampler: new sdk.AlwaysOnSampler(),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` }),
      }),
    ],
  })
  const tracer = provider.getTracer('paystatus', VERSION)

  return {
    startCallback(source, providerId, sentTraceparent) {
      if (Math.random() >= sampleRatio) {
        return null
      }
      const span = tracer.startSpan(
        'callback',
        {
          kind: SpanKind.SERVER,
          attributes: { 'paystatus.source': source, 'paystatus.provider': providerId },
          links: linksTo([typeof sentTraceparent === 'string' ? sentTraceparent : null]),
        },
        ROOT_CONTEXT,
      )
      return {
        traceparent: toTraceparent(span.spanContext()),
        end: (code) => {
          span.setAttribute('http.response.status_code', code)
          if (code >= 500) {
            span.setStatus({ code: SpanStatusCode.ERROR })
          }
          span.end()
        },
      }
    },

    async batch({ stage, topic, partition, records }, work) {
      const links = linksTo(records.map(traceparentOf))
      if (links.length === 0) {
        return await work()
      }
      const span = tracer.startSpan(
        `${stage} batch`,
        {
          kind: SpanKind.CONSUMER,
          attributes: {
            'messaging.system': 'kafka',
            'messaging.operation.type': 'process',
            'messaging.destination.name': topic,
            'messaging.destination.partition.id': String(partition),
            'messaging.batch.message_count': records.length,
            'messaging.kafka.offset': Number(records[0]?.offset),
          },
          links,
        },
        ROOT_CONTEXT,
      )
      try {
        await work()
      } catch (error) {
        // The class only: a message may contain anything.
        span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown')
        span.setStatus({ code: SpanStatusCode.ERROR })
        throw error
      } finally {
        span.end()
      }
    },

    async close() {
      const limit = Promise.withResolvers<void>()
      const timer = setTimeout(limit.resolve, CLOSE_LIMIT_MS)
      await Promise.race([provider.shutdown().catch(() => {}), limit.promise])
      clearTimeout(timer)
    },
  }
}

/** Links to the contexts that are valid. */
function linksTo(traceparents: readonly (string | null)[]): Link[] {
  return traceparents.flatMap((traceparent) => {
    const context = traceparent === null ? null : parseTraceParent(traceparent)
    return context === null ? [] : [{ context: { ...context, isRemote: true } }]
  })
}

function toTraceparent({ traceId, spanId }: SpanContext): string {
  return `00-${traceId}-${spanId}-0${TraceFlags.SAMPLED}`
}
