import { join } from 'node:path'
import { ensurePythonPackage } from './python-package.ts'

/** The path of a Python that has fastavro, an Avro reader that shares no code with ours. */
export async function ensureFastavro(report: (line: string) => void): Promise<string> {
  const purpose = 'to check the Avro records'
  return join(
    await ensurePythonPackage({ name: 'fastavro', version: '1.13.1', module: 'fastavro', purpose }, report),
    'python',
  )
}
