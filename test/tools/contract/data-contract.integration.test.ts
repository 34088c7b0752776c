import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { ensureDatacontract } from '../../lab/stack/datacontract.ts'
import { runCommand } from '../../lab/stack/run-command.ts'

/** The data contract is one for the reference implementation of its standard, which needs no network for this. */

const CONTRACT = join(import.meta.dirname, '../../../schemas/datacontract.yaml')
/** Nobody listens there: whatever leaves the machine would fail. */
const NO_NETWORK = { http_proxy: 'http://127.0.0.1:1', https_proxy: 'http://127.0.0.1:1' }

let python: string
beforeAll(async () => {
  python = await ensureDatacontract(() => {})
})

test('schemas/datacontract.yaml passes datacontract-cli', async () => {
  const { ok, output } = await lint(CONTRACT)
  expect(output).toContain('valid against ODCS v3.1.0')
  expect(ok).toBe(true)
})

test('a field without a name does not pass', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paystatus-contract-'))
  try {
    const broken = join(folder, 'broken.yaml')
    await writeFile(broken, (await readFile(CONTRACT, 'utf8')).replace('- name: incarnation', '- title: incarnation'))
    expect((await lint(broken)).ok).toBe(false)
  } finally {
    await rm(folder, { recursive: true })
  }
})

function lint(file: string) {
  // Its script names the folder in which it was installed, which was renamed since.
  const main = 'from datacontract.cli import main; main()'
  return runCommand([python, '-c', main, 'lint', '--all-errors', file], { env: NO_NETWORK })
}
