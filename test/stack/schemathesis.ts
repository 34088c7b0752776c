import { join } from 'node:path'
import { ensurePythonPackage } from './python-package.ts'

/** The command of schemathesis, which makes requests out of an OpenAPI document; `python -m` is how a moved one runs. */
export async function ensureSchemathesis(report: (line: string) => void): Promise<readonly [string, ...string[]]> {
  const purpose = 'to check the OpenAPI description'
  const bin = await ensurePythonPackage(
    { name: 'schemathesis', version: '4.32.5', module: 'schemathesis', purpose },
    report,
  )
  return [join(bin, 'python'), '-m', 'schemathesis.cli']
}
