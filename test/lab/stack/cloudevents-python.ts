import { ensurePythonEnvironment } from './python-environment.ts'

const VERSION = '2.2.0'

/** The path of a Python with the official CloudEvents SDK. */
export function ensureCloudEvents(report: (line: string) => void): Promise<string> {
  return ensurePythonEnvironment(
    {
      name: `cloudevents-${VERSION}`,
      install: [`cloudevents==${VERSION}`],
      modules: ['cloudevents.core.bindings.kafka'],
      neededFor: 'read the CloudEvents headers',
    },
    report,
  )
}
