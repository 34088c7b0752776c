import { join } from 'node:path'
import { runCommand } from '../lab/stack/run-command.ts'
import { manifestValidator } from './validator.ts'

// `make manifests`: the example overlay, rendered and checked.
const program = await manifestValidator((line) => console.error(line))
if (program !== undefined) {
  const { ok, output } = await runCommand([program, join(import.meta.dirname, '../../deploy/overlays/example')])
  process.stdout.write(output)
  process.exitCode = ok ? 0 : 1
}
