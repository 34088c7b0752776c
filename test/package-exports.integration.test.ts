import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { StatusPublisher } from './lab/client/status-publisher.ts'

/** What users of the packed packages can import: the command line and the schemas of paystatus, the client, the test stack. */

vi.setConfig({ hookTimeout: 240_000, testTimeout: 30_000 })

const ROOT = join(import.meta.dirname, '..')

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'paystatus-package-'))
  install('.', 'paystatus')
  install('packages/testcontainers', '@paystatus/testcontainers')
  install('packages/client', '@paystatus/client')
  // What npm would install with them.
  for (const name of ['@kafkajs', '@types', 'avsc', 'kafkajs', 'testcontainers']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Builds and packs a package outside of the checkout, and unpacks it as npm would install it. */
function install(path: string, name: string): void {
  const source = join(ROOT, path)
  const staged = join(folder, 'staged', name)
  mkdirSync(staged, { recursive: true })
  const { files } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { files: readonly string[] }
  for (const file of ['package.json', ...files.filter((one) => one !== 'dist')]) {
    cpSync(join(source, file), join(staged, file), { recursive: true })
  }
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  execFileSync(tsc, ['--project', join(source, 'tsconfig.build.json'), '--outDir', join(staged, 'dist')])
  const tarball = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: staged })
  const installed = join(folder, 'node_modules', name)
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, String(tarball).trim()), '-C', installed, '--strip-components=1'])
}

/** The outcome of an import as a user's module would do it: `ok`, or the error's code. */
function resolved(specifier: string): string {
  const code = `try { import.meta.resolve(${JSON.stringify(specifier)}); console.log('ok') } catch ({ code }) { console.log(code) }`
  return String(execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: folder })).trim()
}

/** Writes a module of a user and compiles it; returns what the compiler has to say. */
function compiled(file: string, text: string): string {
  writeFileSync(join(folder, file), text)
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'esnext', '--lib', 'esnext']
  const modules = ['--module', 'nodenext', '--types', 'node']
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  return spawnSync(tsc, [...options, ...modules, file], { cwd: folder, encoding: 'utf8' }).stdout
}

describe('paystatus', () => {
  test.each(['paystatus', 'paystatus/dist/main.js', 'paystatus/dist/payment/apply-event.js', 'paystatus/src/main.ts'])(
    'does not export %s',
    (specifier) => {
      expect(resolved(specifier)).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED')
    },
  )

  test('exports its schemas', () => {
    const schemas = readdirSync(join(ROOT, 'schemas')).filter((file) => file.endsWith('.avsc'))
    expect(schemas.length).toBeGreaterThan(0)
    expect(schemas.map((file) => resolved(`paystatus/schemas/${file}`))).toEqual(schemas.map(() => 'ok'))
    expect(schemas.filter((file) => !existsSync(join(folder, 'node_modules/paystatus/schemas', file)))).toEqual([])
  })

  test('contains the compiled command line and no sources', () => {
    const installed = join(folder, 'node_modules/paystatus')
    expect(existsSync(join(installed, 'dist/main.js'))).toBe(true)
    expect(readdirSync(installed).toSorted()).toEqual(
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'docs', 'package.json', 'public', 'schemas'].toSorted(),
    )
    expect(
      readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')),
    ).toEqual([])
  })
})

describe('@paystatus/testcontainers', () => {
  test.each(['@paystatus/testcontainers', '@paystatus/testcontainers/callbacks'])('exports %s', (specifier) => {
    expect(resolved(specifier)).toBe('ok')
  })

  test('makes callbacks', () => {
    const code = `
      import { instamedPayment } from '@paystatus/testcontainers/callbacks'
      console.log(instamedPayment({ format: 'form' }).refund('30.00').callback().body)`
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: folder })
    expect(String(printed)).toMatch(/^PaymentTransactionID=[0-9a-f]{32}&.*TransactionAction=Refund&.*Amount=30\.00&/)
  })

  test('has types with which a strict test compiles, and a wrong one does not', () => {
    const compiledTest = (file: string, line: string) =>
      compiled(
        file,
        `
        import { PaystatusStack, type PlayedScenario, type StartedPaystatusStack } from '@paystatus/testcontainers'
        import { jpmPayment } from '@paystatus/testcontainers/callbacks'
        const stack: StartedPaystatusStack = await new PaystatusStack({ partitions: 1 }).start()
        const payment = jpmPayment('ORDER-1')
        await stack.outOfOrder([payment.callback('RECEIVED'), payment.paymentReturn('1.00').callback('COMPLETED')])
        const played: PlayedScenario = await stack.playScenario('gap')
        ${line}`,
      )
    expect(
      compiledTest('right.mts', 'console.log(played.rows[0]?.amount?.value, await stack.repeatEverything())'),
    ).toBe('')
    expect(compiledTest('wrong.mts', 'console.log(played.tables)')).toContain("Property 'tables' does not exist")
  })

  test('does not export its modules', () => {
    expect(resolved('@paystatus/testcontainers/dist/change-log.js')).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  test('has code and type declarations for every export', () => {
    const installed = join(folder, 'node_modules/@paystatus/testcontainers')
    const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>
    }
    const targets = Object.values(exports).flatMap((target) => [target.types, target.default])
    expect(targets.filter((target) => !existsSync(join(installed, target)))).toEqual([])
  })
})

describe('@paystatus/client', () => {
  test.each(['@paystatus/client', '@paystatus/client/sqlite-store'])('exports %s', (specifier) => {
    expect(resolved(specifier)).toBe('ok')
  })

  test('is used as its README says, with types and against a real Kafka, once npm has installed what it depends on', async () => {
    const program = `
      import { type Change, open } from '@paystatus/client'
      const { BROKERS = '', REGISTRY = '', PREFIX = '' } = process.env
      await using client = await open({ brokers: BROKERS.split(','), registry: REGISTRY, groupId: PREFIX + 'packed', topicPrefix: PREFIX })
      const told: string[] = []
      await client.onChange((change: Change) => {
        told.push(change.kind === 'state' ? change.payment.status : change.kind)
        // @ts-expect-error The types are there: a tombstone has no payment.
        if (change.kind === 'forgotten') change.payment
      })
      const [payment] = client.payments()
      console.log(JSON.stringify({ told, status: payment && client.get(payment.paymentKey)?.status }))
    `
    expect(compiled('program.mts', program)).toBe('')

    const { kafkaBrokers, registryUrl } = inject('stack')
    const publisher = await StatusPublisher.create(inject('stack'), 1)
    try {
      await publisher.publish([{ paymentKey: 'acme:1', status: 'COMPLETED' }])
      const env = { ...process.env, BROKERS: kafkaBrokers.join(','), REGISTRY: registryUrl, PREFIX: publisher.prefix }
      const output = execFileSync(process.execPath, ['program.mts'], { cwd: folder, env, encoding: 'utf8' })
      expect(JSON.parse(output)).toEqual({ told: ['COMPLETED'], status: 'COMPLETED' })
    } finally {
      await publisher.close()
    }
  })
})
