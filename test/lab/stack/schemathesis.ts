import { ensurePythonEnvironment } from './python-environment.ts'

const VERSION = '4.32.5'

/** The command of schemathesis, which makes requests out of an OpenAPI document; `python -m` is how a moved one runs. */
export async function ensureSchemathesis(report: (line: string) => void): Promise<readonly [string, ...string[]]> {
  const python = await ensurePythonEnvironment(
    {
      name: `schemathesis-${VERSION}`,
      install: [`schemathesis==${VERSION}`],
      modules: ['schemathesis'],
      neededFor: 'check the OpenAPI description',
    },
    report,
  )
  return [python, '-m', 'schemathesis.cli']
}
