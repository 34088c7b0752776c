import { ensurePythonEnvironment } from './python-environment.ts'

const VERSION = '1.13.1'

/** The path of a Python with fastavro, an Avro reader that shares no code with the product. */
export function ensureFastavro(report: (line: string) => void): Promise<string> {
  return ensurePythonEnvironment(
    {
      name: `fastavro-${VERSION}`,
      install: [`fastavro==${VERSION}`],
      modules: ['fastavro'],
      neededFor: 'check the Avro records',
    },
    report,
  )
}
