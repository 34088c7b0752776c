import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { createProgram } from '../../src/commands/program.ts'
import { SCENARIO_NAMES } from '../../src/tools/conformance/scenarios.ts'

/** The options of each command and how they are parsed. No command is executed. */

const DAY = Date.parse('2026-03-01T08:00:00Z')

/** Every command with an action, by its full name. */
function leavesOf(command: Command, path: readonly string[] = []): [name: string, command: Command][] {
  return command.commands.flatMap((child): [string, Command][] => {
    const name = [...path, child.name()]
    return child.commands.length > 0 ? leavesOf(child, name) : [[name.join(' '), child]]
  })
}

/** A program that throws where the real one would exit. */
async function quietProgram(words: readonly string[]): Promise<Command> {
  const program = await createProgram(words)
  const quiet = (command: Command): void => {
    command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} })
    command.commands.forEach(quiet)
  }
  quiet(program)
  return program
}

async function prepared(
  words: readonly string[],
  onAction: (name: string, args: readonly unknown[]) => void,
): Promise<Command> {
  const program = await quietProgram(words)
  for (const [name, command] of leavesOf(program)) {
    command.action((...args: unknown[]) => onAction(name, args.slice(0, -1)))
  }
  return program
}

/** The command that would run, with its arguments and options. */
async function parsed(line: string): Promise<{ name: string; args: readonly unknown[] }> {
  const words = line.split(' ')
  let found: { name: string; args: readonly unknown[] } | undefined
  const program = await prepared(words, (name, args) => {
    found = { name, args }
  })
  program.parse(words, { from: 'user' })
  if (found === undefined) {
    throw new Error('no command ran')
  }
  return found
}

const ACCEPTED: readonly [line: string, name: string, args: readonly unknown[]][] = [
  ['run', 'run', [{ roles: ['gateway', 'normalizer', 'processor'] }]],
  ['run --roles processor,gateway,processor', 'run', [{ roles: ['processor', 'gateway'] }]],
  ['gateway', 'gateway', [{}]],
  ['normalizer', 'normalizer', [{}]],
  ['processor', 'processor', [{}]],
  ['console', 'console', [{}]],
  ['run --roles processor,console', 'run', [{ roles: ['processor', 'console'] }]],
  ['topics apply --json', 'topics apply', [{ json: true }]],
  ['topics check --json', 'topics check', [{ json: true }]],
  ['topics carry-over --from-prefix old.', 'topics carry-over', [{ fromPrefix: 'old.', by: userInfo().username }]],
  ['topics acls', 'topics acls', [{ principalPrefix: 'User:paystatus-' }]],
  ['topics acls --principal-prefix x-', 'topics acls', [{ principalPrefix: 'x-' }]],
  ['asyncapi', 'asyncapi', [{ subscriber: false }]],
  ['asyncapi --subscriber --json', 'asyncapi', [{ subscriber: true, json: true }]],
  ['datacontract --json', 'datacontract', [{ json: true }]],
  ['schemas apply --json', 'schemas apply', [{ json: true }]],
  ['schemas check', 'schemas check', [{ records: true, againstHistory: false }]],
  ['schemas check --no-records', 'schemas check', [{ records: false, againstHistory: false }]],
  ['schemas check --against-history', 'schemas check', [{ records: true, againstHistory: true }]],
  [
    'simulate --gateway http://gateway --payments 3 --seed 9 --rate 0.5 --concurrency 2 --duplicates 0 --reorder 1 --late 0.1 --malformed 0.2 --multi 0.3 --odd 0.4 --out sent.json --await 90s --json',
    'simulate',
    [
      {
        gateway: 'http://gateway',
        payments: 3,
        seed: 9,
        rate: 0.5,
        concurrency: 2,
        duplicates: 0,
        reorder: 1,
        late: 0.1,
        malformed: 0.2,
        multi: 0.3,
        odd: 0.4,
        out: 'sent.json',
        await: 90_000,
        json: true,
      },
    ],
  ],
  ['status', 'status', [{ late: 60_000 }]],
  [
    'status --process http://a:1 --process http://b:2/ --late 5m --json',
    'status',
    [{ process: ['http://a:1', 'http://b:2'], late: 300_000, json: true }],
  ],
  ['lag --json', 'lag', [{ json: true }]],
  ['lag --watch', 'lag', [{ watch: true }]],
  ['lag --watch 5s', 'lag', [{ watch: 5_000 }]],
  ['tail', 'tail', [{}]],
  [
    'tail --from-beginning --payment a:1 --max 3 --json',
    'tail',
    [{ fromBeginning: true, payment: 'a:1', max: 3, json: true }],
  ],
  ['drift --json', 'drift', [{ json: true }]],
  ['overdue --json', 'overdue', [{ json: true }]],
  [
    'scorecard --since 2026-03-01T08:00:00Z --process http://a:1 --json',
    'scorecard',
    [{ since: DAY, process: ['http://a:1'], json: true }],
  ],
  ['show E2E-1 --from-topic --json', 'show', ['E2E-1', { fromTopic: true, json: true }]],
  ['why E2E-1 --from-topic --json', 'why', ['E2E-1', { fromTopic: true, json: true }]],
  [
    'forget a:1 --with-shared --force --by deletion-service --reason request-4711',
    'forget',
    ['a:1', { withShared: true, force: true, by: 'deletion-service', reason: 'request-4711' }],
  ],
  [
    'forget --data-key one two --json',
    'forget',
    [undefined, { dataKey: ['one', 'two'], json: true, by: userInfo().username }],
  ],
  ['dlq list', 'dlq list', [{}]],
  [
    'dlq list --topic events --provider instamed --source clinic --cause too-large --since 2026-03-01T08:00:00Z --until 2026-03-01T08:00:00Z --json',
    'dlq list',
    [
      {
        topic: 'events',
        provider: 'instamed',
        source: 'clinic',
        cause: 'too-large',
        since: DAY,
        until: DAY,
        json: true,
      },
    ],
  ],
  ['dlq show a[2]@41 --body --json', 'dlq show', ['a[2]@41', { body: true, json: true }]],
  ['dlq redrive a[2]@41 a[2]@42 --by me --json', 'dlq redrive', [['a[2]@41', 'a[2]@42'], { by: 'me', json: true }]],
  [
    'dlq redrive --cause unknown-source --apply --again --by me --reason mended',
    'dlq redrive',
    [[], { cause: 'unknown-source', apply: true, again: true, by: 'me', reason: 'mended' }],
  ],
  [
    'dlq close --all --by me --reason test --json',
    'dlq close',
    [[], { all: true, by: 'me', reason: 'test', json: true }],
  ],
  ['audit', 'audit', [{}]],
  ['audit --since 2026-03-01T08:00:00Z --act forget --json', 'audit', [{ since: DAY, act: 'forget', json: true }]],
  ['verify', 'verify', [{ view: true }]],
  ['verify --all --no-view', 'verify', [{ all: true, view: false }]],
  ['verify --payment a:1', 'verify', [{ payment: 'a:1', view: true }]],
  ['verify --since 2026-03-01T08:00:00Z', 'verify', [{ since: DAY, view: true }]],
  ['repair', 'repair', [{ by: userInfo().username }]],
  [
    'repair --apply --by ops --reason outage --json',
    'repair',
    [{ apply: true, by: 'ops', reason: 'outage', json: true }],
  ],
  ['reprocess --all', 'reprocess', [{ all: true, rate: 1_000, wait: true, by: userInfo().username }]],
  [
    'reprocess --since 2026-03-01T08:00:00Z --until 2026-03-01T08:00:00Z --json',
    'reprocess',
    [{ since: DAY, until: DAY, json: true, rate: 1_000, wait: true, by: userInfo().username }],
  ],
  [
    'reprocess --source bank --apply --reason corrected --by ops --rate 50 --no-wait',
    'reprocess',
    [{ source: 'bank', apply: true, reason: 'corrected', by: 'ops', rate: 50, wait: false }],
  ],
  [
    'translate --provider instamed --content-type text/xml --namespace clinic --currency USD a.xml b.xml',
    'translate',
    [['a.xml', 'b.xml'], { provider: 'instamed', contentType: 'text/xml', namespace: 'clinic', currency: 'USD' }],
  ],
  ['fold --provider instamed a.json', 'fold', [['a.json'], { provider: 'instamed', seed: 1 }]],
  [
    'fold --provider instamed --permute --seed 4 a.json',
    'fold',
    [['a.json'], { provider: 'instamed', permute: true, seed: 4 }],
  ],
  ['rules --json', 'rules', [{ json: true }]],
  ['openapi', 'openapi', [{}]],
  [
    'conformance --topic-prefix kit. --table http://localhost/table --scenario gap,repeats --payments 5 --timeout 90s --junit r.xml --keep-topics --json -- java -jar x.jar',
    'conformance',
    [
      ['java', '-jar', 'x.jar'],
      {
        topicPrefix: 'kit.',
        table: { kind: 'http', url: 'http://localhost/table' },
        scenario: ['gap', 'repeats'],
        payments: 5,
        timeout: 90_000,
        junit: 'r.xml',
        keepTopics: true,
        json: true,
      },
    ],
  ],
  [
    'conformance --topic-prefix kit. --play',
    'conformance',
    [[], { topicPrefix: 'kit.', play: true, scenario: SCENARIO_NAMES, payments: 10_000, timeout: 60_000 }],
  ],
  ['completion bash', 'completion', ['bash', {}]],
]

describe('options', () => {
  test.each(ACCEPTED)('%s', async (line, name, args) => {
    expect(await parsed(line)).toEqual({ name, args })
  })

  test('are tested above for every command', async () => {
    const untested = leavesOf(await createProgram()).filter(([name]) => ACCEPTED.every(([, tested]) => tested !== name))
    expect(untested.map(([name]) => name)).toEqual([])
  })

  test.each([
    ['run --roles gateway,judge', 'unknown: judge; the roles are gateway, normalizer, processor, console.'],
    ['topics carry-over', "required option '--from-prefix <prefix>' not specified"],
    ['status --process gateway:9090', 'must be an address such as http://gateway:9090.'],
    ['scorecard --since yesterday', 'must be an ISO 8601 time with its zone'],
    ['lag --watch often', 'must be a duration such as'],
    ['completion tcsh', 'Allowed choices are bash, zsh, fish.'],
    ['simulate --payments 1.5', 'must be a whole number.'],
    ['simulate --payments 0', 'must be at least 1.'],
    ['simulate --concurrency 0', 'must be at least 1.'],
    ['tail --max 0', 'must be at least 1.'],
    ['simulate --rate 0', 'must be a number above 0.'],
    ['simulate --rate 1e999', 'must be a number above 0.'],
    ['fold --provider instamed --seed 99999999999999999999 a.json', 'must be at most 9007199254740991.'],
    ['show ', 'must not be empty.'],
    ['why ', 'must not be empty.'],
    ['forget ', 'must not be empty.'],
    ['tail --payment ', 'must not be empty.'],
    ['verify --payment ', 'must not be empty.'],
    ['reprocess --payment ', 'must not be empty.'],
    ['reprocess --source ', 'must not be empty.'],
    ['dlq redrive --source ', 'must not be empty.'],
    ['simulate --odd 1.01', 'must be a share from 0 to 1.'],
    ['simulate --await soon', 'must be a duration such as 90s, 15m, 12h or 400d.'],
    ['dlq list --topic raw', 'Allowed choices are callbacks, events.'],
    ['dlq list --provider nobody', 'Allowed choices are'],
    ['dlq redrive --cause Missing', 'must be a reason as list prints it'],
    ['dlq redrive --all --until tomorrow', 'must be an ISO 8601 time with its zone'],
    ['dlq close --all', "required option '--reason <text>' not specified"],
    ['dlq show', "missing required argument 'place'"],
    ['audit --act verify', 'Allowed choices are reprocess, redrive, close, forget, repair, carry-over, open-body.'],
    [`forget a:1 --by ${'x'.repeat(129)}`, 'must have 1 to 128 characters.'],
    [`forget a:1 --reason ${'x'.repeat(501)}`, 'must have 1 to 500 characters.'],
    ['show', "missing required argument 'payment'"],
    ['verify --all --payment a:1', "option '--all' cannot be used with option '--payment <key>'"],
    ['verify --since 2026-03-01T08:00:00Z --payment a:1', "option '--payment <key>' cannot be used"],
    ['verify --since yesterday', 'must be an ISO 8601 time with its zone'],
    ['reprocess --all --payment a:1', "option '--all' cannot be used with option '--payment <key>'"],
    ['reprocess --source bank --payment a:1', "option '--source <id>' cannot be used with option '--payment <key>'"],
    ['reprocess --since 2026-03-01T08:00:00Z --source bank', "option '--since <time>' cannot be used"],
    ['reprocess --all --rate 0', 'must be a number above 0.'],
    ['conformance --scenario all', 'has no scenario all; there are many-at-start'],
    ['conformance --play --table x', "option '--play' cannot be used with option '--table <place>'"],
    ['translate a.json', "required option '--provider <id>' not specified"],
    ['fold --provider nobody a.json', 'Allowed choices are'],
    ['fold --provider instamed --namespace Clinic a.json', 'must be lower-case letters, digits and dashes'],
    ['fold --provider instamed --currency dollar a.json', 'must be an ISO 4217 code.'],
    ['translate --provider instamed', "missing required argument 'file'"],
    ['settle', "unknown command 'settle'"],
  ])('refused: %s', async (line, message) => {
    await expect(parsed(line)).rejects.toThrow(message)
  })
})

test.each([
  ['tail --json', ['tail']],
  ['-c paystatus.yaml run --roles gateway', ['run', 'gateway', 'normalizer', 'processor', 'console']],
])('%s loads no other command', async (line, names) => {
  const { commands } = await createProgram(line.split(' '))
  expect(commands.map((command) => command.name())).toEqual(names)
})

test.each(['', '--help', 'settle', 'completion bash'])('all commands are known to: %s', async (line) => {
  const all = await createProgram()
  const { commands } = await createProgram(line.split(' '))
  expect(commands.length).toBe(all.commands.length)
})

test('every command and every option has a description', async () => {
  for (const [name, command] of leavesOf(await createProgram())) {
    expect(command.description(), name).not.toBe('')
    for (const option of command.options) {
      expect(option.description, `${name} ${option.flags}`).not.toBe('')
    }
  }
})

test.each([
  ['reprocess', 'say what to reprocess: --all, --since, --source or --payment'],
  ['reprocess --all --until 2026-03-01T08:00:00Z', '--until needs --since'],
  ['reprocess --all --apply', '--apply needs --reason'],
])('refused before anything is connected: %s', async (line, message) => {
  const words = line.split(' ')
  const program = await quietProgram(words)
  await expect(program.parseAsync(words, { from: 'user' })).rejects.toThrow(message)
})
