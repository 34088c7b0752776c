import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ensurePythonEnvironment } from './python-environment.ts'

/** The oracle of the fault laboratory: a Python program. */
export const ORACLE = join(import.meta.dirname, '..', 'faults', 'oracle')

/** The path of a Python with what the oracle is built on. */
export async function ensureOracle(report: (line: string) => void): Promise<string> {
  const requirements = join(ORACLE, 'requirements.txt')
  return ensurePythonEnvironment(
    {
      name: `oracle-${hash('sha256', await readFile(requirements), 'hex').slice(0, 12)}`,
      install: ['-r', requirements],
      modules: ['confluent_kafka', 'cryptography', 'fastavro', 'redis'],
      neededFor: 'run the oracle of the fault laboratory',
    },
    report,
  )
}
