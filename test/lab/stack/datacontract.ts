import { ensurePythonEnvironment } from './python-environment.ts'

const VERSION = '1.2.8'

/** The path of a Python with datacontract-cli, the reference implementation of the Open Data Contract Standard. */
export function ensureDatacontract(report: (line: string) => void): Promise<string> {
  return ensurePythonEnvironment(
    {
      name: `datacontract-${VERSION}`,
      install: [`datacontract-cli==${VERSION}`],
      modules: ['datacontract'],
      neededFor: 'check the data contract',
    },
    report,
  )
}
