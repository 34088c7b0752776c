import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ensurePythonEnvironment } from './python-environment.ts'

const REQUIREMENTS = join(import.meta.dirname, '..', '..', '..', 'examples', 'python', 'requirements.txt')

/** The path of a Python with what the sample subscriber in Python is built on. */
export async function ensureExamplePython(report: (line: string) => void): Promise<string> {
  return ensurePythonEnvironment(
    {
      name: `example-python-${hash('sha256', await readFile(REQUIREMENTS), 'hex').slice(0, 12)}`,
      install: ['-r', REQUIREMENTS],
      modules: ['confluent_kafka', 'confluent_kafka.schema_registry.avro'],
      neededFor: 'run examples/python',
    },
    report,
  )
}
