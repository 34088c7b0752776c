import { ensurePythonEnvironment } from './python-environment.ts'

const VERSION = '1.45.2'

/** The path of a Python with OpenTelemetry's own protobuf messages, which share no code with the product's exporter. */
export function ensureOtlp(report: (line: string) => void): Promise<string> {
  return ensurePythonEnvironment(
    {
      name: `opentelemetry-proto-${VERSION}`,
      install: [`opentelemetry-proto==${VERSION}`],
      modules: ['opentelemetry.proto.collector.trace.v1.trace_service_pb2'],
      neededFor: 'read the exported spans',
    },
    report,
  )
}
