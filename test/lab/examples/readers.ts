import { basename, join } from 'node:path'
import type { TablePlace } from '../../../src/tools/conformance/table-source.ts'
import { ensureExamplePython } from '../stack/example-python.ts'
import { freePort } from '../stack/free-port.ts'
import { runCommand } from '../stack/run-command.ts'
import { ensureCommand } from '../stack/system-package.ts'

/** How the conformance kit runs a sample, and where it finds its table. */
export interface ReadyReader {
  readonly command: readonly string[]
  readonly table: TablePlace
}

/** Installs and builds what a sample needs; keeps what it writes in `directory`. Rejects with what is missing. */
export type PrepareReader = (directory: string, report: (line: string) => void) => Promise<ReadyReader>

const EXAMPLES = join(import.meta.dirname, '..', '..', '..', 'examples')

/** The samples that the conformance kit judges, by their folder in `examples/`. */
export const READERS: Readonly<Record<string, PrepareReader>> = {
  node: async (directory) => ({
    command: [process.execPath, '--conditions=paystatus-source', join(EXAMPLES, 'node', 'src', 'main.ts')],
    table: { kind: 'file', path: join(directory, 'table.jsonl') },
  }),
  python: async (directory, report) => {
    const python = await ensureExamplePython(report)
    return {
      command: ['env', `STORE=${join(directory, 'payments.db')}`, python, join(EXAMPLES, 'python', 'subscriber.py')],
      table: { kind: 'file', path: join(directory, 'table.jsonl') },
    }
  },
  go: async (directory, report) => {
    const program = join(directory, 'reader')
    report('building examples/go')
    await run('Go 1.26 builds it', ['go', '-C', join(EXAMPLES, 'go'), 'build', '-o', program, '.'])
    const listen = `127.0.0.1:${await freePort()}`
    return { command: ['env', `LISTEN=${listen}`, program], table: { kind: 'http', url: `http://${listen}/payments` } }
  },
  'spring-kafka': async (directory, report) => ({
    command: ['env', `STORE=${join(directory, 'payments.db')}`, 'java', '-jar', await buildJar('spring-kafka', report)],
    table: { kind: 'file', path: join(directory, 'table.jsonl') },
  }),
  'kafka-streams': async (directory, report) => {
    const own = ['orders', 'steps'].map((name) => `${name.toUpperCase()}_TOPIC=${topicOf(directory, name)}`)
    return {
      command: ['env', ...own, `STATE_DIR=${directory}`, 'java', '-jar', await buildJar('kafka-streams', report)],
      table: { kind: 'topic', topic: topicOf(directory, 'table') },
    }
  },
}

/** Topics of its own, named for the directory: they outlive the kit's. */
function topicOf(directory: string, name: string): string {
  return `${basename(directory)}.${name}`
}

let jars: Promise<void> | undefined

/** Builds all Java samples, once. */
async function buildJar(name: string, report: (line: string) => void): Promise<string> {
  jars ??= (async () => {
    await ensureCommand('mvn', 'maven', report)
    report('building the Java samples')
    await run('Java 17 and Maven build them', [
      'mvn',
      '-B',
      '-ntp',
      '-q',
      '-T1',
      '-f',
      join(EXAMPLES, 'pom.xml'),
      '-pl',
      'spring-kafka,kafka-streams',
      '-am',
      'package',
    ])
  })()
  await jars
  return join(EXAMPLES, name, 'target', `${name}.jar`)
}

async function run(needs: string, command: readonly [string, ...string[]]): Promise<void> {
  const { ok, output } = await runCommand(command)
  if (!ok) throw new Error(`${needs}; \`${command.join(' ')}\` failed:\n${output.slice(-2_000)}`)
}
