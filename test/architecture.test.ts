import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { TOPICS, type TopicId } from '../src/topics.ts'
import { TOPOLOGY } from '../src/topology.ts'

/** The import rules of ARCHITECTURE.md. If a change breaks a rule, reconsider the change first. */

const ROOT = join(import.meta.dirname, '..')

interface Import {
  /** Path of the importing file under src. */
  readonly file: string
  /** Its folder, or its name for a file directly in src. */
  readonly from: string
  /** The import target: a folder or file in src, a package or a `node:` module. */
  readonly to: string
  readonly path: string
  readonly kind: 'local' | 'package'
  /** Type-only imports have no effect at run time. */
  readonly typeOnly: boolean
}

const IMPORT = /^(?:import|export)\s+(type\s+)?([^'";]*?\s+from\s+)?'([^']+)'/gm
/** `import('x')`, `require('x')` and the type-only `typeof import('x')`. */
const DYNAMIC = /(typeof\s+)?\b(?:import|require(?:\.resolve)?)\('([^']+)'\)/g

const IMPORTS: readonly Import[] = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap(importsOf)

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, 'src', file), 'utf8')
  const found = [...text.matchAll(IMPORT)].map(([, type, names, target]) => ({
    target: target as string,
    typeOnly: type !== undefined || onlyTypes(names ?? ''),
  }))
  for (const [, typeOf, target] of text.matchAll(DYNAMIC)) {
    found.push({ target: target as string, typeOnly: typeOf !== undefined })
  }
  return found.map(({ target, typeOnly }) => {
    const isLocal = target.startsWith('.')
    const path = isLocal ? relative('.', join(dirname(file), target)) : target
    const to = isLocal ? placeOf(path) : packageOf(target)
    return { file, from: placeOf(file), to, path, kind: isLocal ? 'local' : 'package', typeOnly }
  })
}

/** `import { type A, type B } from` is equivalent to `import type`. */
function onlyTypes(names: string): boolean {
  const listed = /^\{([^}]*)\}\s+from\s+$/.exec(names)?.[1]
  return listed?.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type ')) ?? false
}

function placeOf(path: string): string {
  return path.split('/')[0] as string
}

function packageOf(target: string): string {
  const parts = target.split('/')
  return target.startsWith('@')
    ? parts.slice(0, 2).join('/')
    : target.startsWith('node:')
      ? target
      : (parts[0] as string)
}

/** The imports that break a rule, in a form readable in a test failure. */
function violations(broken: (found: Import) => boolean): string[] {
  return IMPORTS.filter(broken).map(
    ({ file, path, typeOnly }) => `${file} imports ${typeOnly ? 'types of ' : ''}${path}`,
  )
}

/** The console is no stage, but as free of clients as one. */
const STAGES = ['gateway', 'normalizer', 'processor', 'console']
const ROOTS = ['main.ts', 'commands', 'topology.ts', 'run-stages.ts', 'stages']

test('imports are found and classified', () => {
  expect(IMPORTS.length).toBeGreaterThan(200)
  const find = (file: string, path: string) => IMPORTS.find((found) => found.file === file && found.path === path)
  expect(find('stream/lane.ts', 'stream/partition-task.ts')).toMatchObject({ kind: 'local', typeOnly: false })
  expect(find('stream/lane.ts', 'observability/log.ts')).toMatchObject({
    from: 'stream',
    to: 'observability',
    typeOnly: true,
  })
  expect(IMPORTS.some(({ from, to, typeOnly }) => from === 'kafka' && to === 'kafkajs' && !typeOnly)).toBe(true)
})

describe('payment/ and providers/ are pure', () => {
  // These depend only on their arguments.
  const PURE_MODULES = ['node:buffer', 'node:crypto', 'node:util', 'fast-xml-parser']

  test('they import only libraries for hashing and parsing, none that does I/O', () => {
    expect(
      violations(
        ({ from, kind, to }) =>
          ['payment', 'providers'].includes(from) && kind === 'package' && !PURE_MODULES.includes(to),
      ),
    ).toEqual([])
  })

  test('payment/ imports only itself, providers/ only payment/ and itself', () => {
    expect(violations(({ from, kind, to }) => from === 'payment' && kind === 'local' && to !== 'payment')).toEqual([])
    expect(
      violations(
        ({ from, kind, to }) => from === 'providers' && kind === 'local' && !['payment', 'providers'].includes(to),
      ),
    ).toEqual([])
  })

  test.each(['Date.now(', 'new Date()', 'Math.random(', 'randomUUID(', 'process.', 'performance.now('])(
    'they use no clock, randomness or process state: %s',
    (call) => {
      const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter(
        (file) => /^(payment|providers)\//.test(file) && file.endsWith('.ts'),
      )
      expect(files.filter((file) => readFileSync(join(ROOT, 'src', file), 'utf8').includes(call))).toEqual([])
    },
  )

  test('a provider imports no other provider', () => {
    const folderOf = (path: string) => /^providers\/([^/]+)\//.exec(path)?.[1]
    expect(
      violations(({ file, path }) => {
        const [own, other] = [folderOf(file), folderOf(path)]
        return own !== undefined && other !== undefined && own !== other
      }),
    ).toEqual([])
  })

  test('only the provider registry imports individual providers', () => {
    expect(
      violations(
        ({ file, path }) =>
          /^providers\/[^/]+\//.test(path) &&
          !/^providers\/[^/]+\//.test(file) &&
          file !== 'providers/registry.ts' &&
          // Tools print the mapping tables.
          !file.startsWith('tools/'),
      ),
    ).toEqual([])
  })
})

describe('stages', () => {
  test('never import each other', () => {
    expect(
      violations(
        ({ from, to, kind }) => kind === 'local' && STAGES.includes(from) && STAGES.includes(to) && from !== to,
      ),
    ).toEqual([])
  })

  test('are imported only by the files that assemble them, and by tools', () => {
    expect(
      violations(
        ({ from, to, kind }) => kind === 'local' && STAGES.includes(to) && ![to, 'tools', ...ROOTS].includes(from),
      ),
    ).toEqual([])
  })

  test('use Kafka, Redis and the registry through ports: from the adapters they import types and pure helpers only', () => {
    const PURE_HELPERS = ['avro/encode-if-fits.ts', 'avro/errors.ts']
    expect(
      violations(
        ({ file, from, to, path, typeOnly }) =>
          STAGES.includes(from) &&
          ['kafka', 'avro', 'redis'].includes(to) &&
          !typeOnly &&
          !PURE_HELPERS.includes(path) &&
          // Itself an adapter: the Redis implementation of the port beside it.
          file !== 'processor/redis-state-store.ts',
      ),
    ).toEqual([])
  })
})

describe('stream/', () => {
  test('imports neither payments nor stages', () => {
    expect(
      violations(
        ({ from, to, kind }) =>
          from === 'stream' && kind === 'local' && !['stream', 'observability', 'sleep.ts'].includes(to),
      ),
    ).toEqual([])
  })

  test('imports only types from elsewhere, besides a timer: the clients implement its ports', () => {
    expect(
      violations(({ from, to, typeOnly }) => from === 'stream' && !['stream', 'sleep.ts'].includes(to) && !typeOnly),
    ).toEqual([])
  })
})

test('raw/, the format shared by the stages, imports only providers/, stream/ and itself', () => {
  expect(
    violations(({ from, to }) => from === 'raw' && !['raw', 'providers', 'stream', 'node:crypto'].includes(to)),
  ).toEqual([])
})

test('pki/ imports only itself and does no I/O', () => {
  expect(
    violations(
      ({ from, to, kind }) =>
        from === 'pki' && (kind === 'local' ? to !== 'pki' : ['node:fs', 'node:net', 'node:http'].includes(to)),
    ),
  ).toEqual([])
})

test('client-security/ imports only itself: the configuration is built on it', () => {
  expect(violations(({ from, kind, to }) => from === 'client-security' && kind === 'local' && to !== from)).toEqual([])
})

describe('libraries', () => {
  test.each([
    ['kafkajs', ['kafka']],
    ['avsc', ['avro']],
    ['ioredis', ['redis']],
    ['@peculiar/asn1-schema', ['pki']],
    ['@peculiar/asn1-x509', ['pki']],
    ['fastify', ['gateway']],
    ['openid-client', ['console']],
    ['commander', ['commands']],
    ['prom-client', ['observability']],
    ['pino', ['observability']],
    ['@opentelemetry/api', ['observability']],
    ['@opentelemetry/sdk-trace', ['observability']],
  ])('%s is imported by %j only', (library, places) => {
    expect(violations(({ to, from, typeOnly }) => to === library && !typeOnly && !places.includes(from))).toEqual([])
  })

  test('adapters import neither stages nor payments, except the codecs of our own values', () => {
    expect(
      violations(
        ({ file, from, to, kind }) =>
          ['kafka', 'redis', 'avro'].includes(from) &&
          kind === 'local' &&
          [...STAGES, 'providers', 'tools', 'payment', ...ROOTS].includes(to) &&
          !(file === 'avro/payment-codecs.ts' && to === 'payment'),
      ),
    ).toEqual([])
  })
})

test('only main.ts imports the commands', () => {
  expect(violations(({ from, to }) => to === 'commands' && !['main.ts', 'commands'].includes(from))).toEqual([])
})

describe('in src', () => {
  const texts = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file, readFileSync(join(ROOT, 'src', file), 'utf8')] as const)
  const filesWith = (pattern: RegExp) => texts.filter(([, text]) => pattern.test(text)).map(([file]) => file)

  test('sleep.ts is the only way to wait', () => {
    expect(filesWith(/setTimeout as |\(resolve\) => setTimeout\(resolve,/)).toEqual([])
  })

  test('only the files that assemble a process read the environment', () => {
    const composing = /^(main|healthcheck|run-stages)\.ts$|^commands\//
    expect(filesWith(/\bprocess\.env\b/).filter((file) => !composing.test(file))).toEqual([])
  })
})

test('the files that assemble everything are imported only by each other and by tools', () => {
  expect(violations(({ from, to }) => ROOTS.includes(to) && ![...ROOTS, 'tools'].includes(from))).toEqual([])
})

describe('topics.ts, topology.ts, schemas/ and the documents agree', () => {
  test('every topic is written by the stage in its `writtenBy`, and by no other', () => {
    const stages = new Set<string>(TOPOLOGY.map(({ stage }) => stage))
    const written = TOPOLOGY.flatMap(({ stage, writes }) => writes.map((topic: TopicId) => [topic, stage]))
    const said = Object.entries(TOPICS)
      .map(([topic, { writtenBy }]) => [topic, writtenBy])
      // Others are written by commands.
      .filter(([, writtenBy]) => stages.has(String(writtenBy)))
    expect(written.toSorted()).toEqual(said.toSorted())
  })

  test('every stage reads a topic that an earlier stage writes', () => {
    const before = new Set<TopicId>()
    for (const { reads, writes } of TOPOLOGY) {
      expect(reads === null || before.has(reads)).toBe(true)
      for (const topic of writes) {
        before.add(topic)
      }
    }
  })

  test('every schema file belongs to exactly one topic', () => {
    const files = readdirSync(join(ROOT, 'schemas')).filter((file) => file.endsWith('.avsc'))
    const named = Object.values(TOPICS).flatMap(({ schema }) => (schema === null ? [] : [schema]))
    expect(named.toSorted()).toEqual(files.toSorted())
  })

  test.each(['README.md', 'ARCHITECTURE.md', 'docs/consumers.md', 'docs/operations.md', 'docs/encryption.md'])(
    '%s names only existing topics',
    (document) => {
      const text = readIfThere(join(ROOT, document))
      const mentioned = new Set(text.match(/\bpayments\.(?:callbacks|events|status|keys|dlq|audit)(?:\.[a-z]+)*\b/g))
      const known = new Set(Object.values(TOPICS).map(({ name }) => name as string))
      expect([...mentioned].filter((name) => !known.has(name))).toEqual([])
    },
  )

  test('topic names are written only in topics.ts', () => {
    const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && file !== 'topics.ts',
    )
    const literal = /['"]payments\.(?:callbacks|events|status|keys|dlq|audit)(?:\.[a-z]+)*['"]/
    expect(files.filter((file) => literal.test(readFileSync(join(ROOT, 'src', file), 'utf8')))).toEqual([])
  })
})

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
