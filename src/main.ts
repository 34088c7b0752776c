import { Command, InvalidArgumentError, Option } from 'commander'
import { type Config, ConfigError, type ConfigPart, currencyRule, loadConfig, nameRule } from './config.ts'
import { DURATION_HINT, parseDuration } from './duration.ts'
import { answerSignalsAsFirstProcess } from './first-process.ts'
import { crashText, createLogger, serializeError, shownMessage } from './observability/log.ts'
import { PROVIDER_IDS, providerById } from './providers/registry.ts'
import { gatewayApi, runStages } from './run-stages.ts'
import { aclLines, aclsOf } from './tools/acls.ts'
import { CallbackFilesError, readCallbackFiles } from './tools/callback-files.ts'
import { carryOver, carryOverLines } from './tools/carry-over.ts'
import { checkRecordSchemas } from './tools/check-record-schemas.ts'
import { driftLines, findDrift } from './tools/drift.ts'
import { foldFiles, orderDifferenceText } from './tools/fold-files.ts'
import { type ForgetReport, forgetDataKeys, forgetLines, forgetPayment } from './tools/forget.ts'
import { EXHAUSTIVE_COUNT_MAX, SAMPLED_ORDERS } from './tools/orders.ts'
import { findOverdue, overdueLines } from './tools/overdue.ts'
import { changeLine, paymentJson, paymentStory } from './tools/payment-story.ts'
import { isLeft, repair, repairLines } from './tools/repair/repair.ts'
import { rules, rulesText } from './tools/rules.ts'
import { applySchemas, checkSchemas } from './tools/schemas.ts'
import { findPayments } from './tools/show.ts'
import { awaitStatuses, mismatchLines } from './tools/simulate/await-statuses.ts'
import { currentPayments } from './tools/simulate/current-payments.ts'
import { PLAN_DEFAULTS, SimulationOptionsError } from './tools/simulate/plan.ts'
import { POST_DEFAULTS } from './tools/simulate/post-callbacks.ts'
import { runSimulation, type SimulationReport } from './tools/simulate/simulate.ts'
import { simulatedSources } from './tools/simulated-sources.ts'
import { tailChanges } from './tools/tail.ts'
import { applyTopics, checkTopics } from './tools/topics.ts'
import { translateFiles } from './tools/translate-files.ts'
import type { VerifyProgress } from './tools/verify/verification.ts'
import { verify } from './tools/verify/verify.ts'
import { inFlightLine, progressLine, verifyLines } from './tools/verify/verify-report.ts'
import { explainPayments } from './tools/why/why.ts'
import { whyStory } from './tools/why/why-story.ts'
import { topicNames } from './topics.ts'
import { type StageName, TOPOLOGY } from './topology.ts'
import { VERSION } from './version.ts'

/** Exit codes: 0 done, 1 it did not work (or findings), 2 wrong options or configuration. */
const EXIT_FAILED = 1
const EXIT_USAGE = 2

const USAGE_ERRORS = [ConfigError, SimulationOptionsError, CallbackFilesError]

const STAGES: readonly StageName[] = TOPOLOGY.map((entry) => entry.stage)
/** What it takes to read the canonical topics, and to look into the view instead. */
const STATUSES: readonly ConfigPart[] = ['kafka', 'registry']
const VIEW: readonly ConfigPart[] = ['redis']

answerSignalsAsFirstProcess(process)

const program = new Command('paystatus')
  .description("Payment providers' callbacks in, one Kafka topic with every payment's status out.")
  .version(VERSION)
  .addOption(new Option('-c, --config <file>', 'YAML configuration').env('PAYSTATUS_CONFIG'))
  .showHelpAfterError('(run with --help for the options)')
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE)
  })
  .addHelpText(
    'after',
    `
Examples:
  paystatus topics apply && paystatus schemas apply     prepare Kafka and the registry, once
  paystatus run -c paystatus.yaml                       all stages in one process
  paystatus simulate --payments 100 --seed 7            act as the providers
  paystatus tail                                        watch payments change status
  paystatus show <payment key or endToEndId>            the story of one payment
  paystatus why <payment key or endToEndId>             which callback decided it, and what it would be without
  paystatus verify --all                                recompute everything from raw, and compare
  paystatus fold --provider instamed --permute *.json   what callbacks in files come to, without servers

Environment: PAYSTATUS_CONFIG and the overrides that docs/configuration.md lists. Exit codes: 0 done, 1 failed, 2 wrong options or configuration.`,
  )

program
  .command('run')
  .description('run stages in this process until SIGTERM or Ctrl-C')
  .option('--roles <list>', `comma-separated: ${STAGES.join(', ')}`, parseRoles, STAGES)
  .action((options: { roles: readonly StageName[] }) => run(options.roles))

for (const stage of STAGES) {
  program
    .command(stage)
    .description(`run only the ${stage}`)
    .action(() => run([stage]))
}

const topicsCommand = program.command('topics').description("the product's Kafka topics")
topicsCommand
  .command('apply')
  .description('create the topics that are missing, then check all of them')
  .option('--json', 'print one JSON document')
  .action(async ({ json }: JsonOption) => {
    const { config, logger } = setUp('kafka')
    const { created, findings } = await applyTopics(config, logger)
    print(json, { created, findings }, [
      ...created.map((topic) => `created ${topic}`),
      ...(created.length === 0 ? ['nothing to create'] : []),
      ...findings.map(({ topic, problem }) => `${topic} ${problem}`),
    ])
    exitWith(findings)
  })
topicsCommand
  .command('check')
  .description('compare the topics with the configuration; changes nothing')
  .option('--json', 'print one JSON document')
  .action(async ({ json }: JsonOption) => {
    const { config, logger } = setUp('kafka')
    const findings = await checkTopics(config, logger)
    print(
      json,
      { findings },
      okOr(
        findings.map(({ topic, problem }) => `${topic} ${problem}`),
        'all topics are as they should be',
      ),
    )
    exitWith(findings)
  })
topicsCommand
  .command('carry-over')
  .description(
    'publish the payments of another installation into this one, which may have more partitions; can be run again',
  )
  .requiredOption('--from-prefix <prefix>', 'kafka.topicPrefix of the other installation; its processors are stopped')
  .option('--json', 'print one JSON document')
  .action(async ({ fromPrefix, json }: JsonOption & { fromPrefix: string }) => {
    const { config, logger } = setUp(...STATUSES)
    const report = await carryOver(config, logger, fromPrefix, interrupted())
    print(json, report, carryOverLines(report))
  })
topicsCommand
  .command('acls')
  .description('print what every role may do, and nothing more, as commands for Kafka and Redis; needs no servers')
  .option('--principal-prefix <text>', 'before the role in the names of users', 'User:paystatus-')
  .option('--json', 'print one JSON document')
  .action(({ principalPrefix, json }: JsonOption & { principalPrefix: string }) => {
    const acls = aclsOf(configuration([]), principalPrefix)
    print(json, acls, aclLines(acls))
  })

const schemasCommand = program.command('schemas').description('the Avro schemas in the registry')
schemasCommand
  .command('apply')
  .description('register the schemas of this release, FULL_TRANSITIVE; services never register')
  .option('--json', 'print one JSON document')
  .action(async ({ json }: JsonOption) => {
    const { config } = setUp('registry')
    const lines: string[] = []
    const schemas = await applySchemas(config.registry, topicNames(config.kafka.topicPrefix), (line) =>
      lines.push(line),
    )
    print(json, { schemas }, lines)
  })
schemasCommand
  .command('check')
  .description('compare the registry with the schemas of this release and with what the records carry; changes nothing')
  .option('--no-records', 'do not look at the oldest and newest records of the topics: needs no Kafka')
  .option('--json', 'print one JSON document')
  .action(async ({ json, records }: JsonOption & { records: boolean }) => {
    const { config, logger } = records ? setUp('registry', 'kafka') : setUp('registry')
    const registered = await checkSchemas(config.registry, topicNames(config.kafka.topicPrefix))
    const carried = records ? await checkRecordSchemas(config, logger) : { findings: [], namesOnly: false }
    const findings = [...registered, ...carried.findings]
    print(json, { findings, namesOnly: carried.namesOnly }, [
      ...okOr(
        findings.map(({ message }) => message),
        `all schemas are registered, latest and FULL_TRANSITIVE${records ? ', and the topics carry no other' : ''}`,
      ),
      ...(carried.namesOnly
        ? ['this registry cannot say under which subjects an id is registered: only the names of records were compared']
        : []),
    ])
    exitWith(findings)
  })

program
  .command('simulate')
  .description('act as the providers against a gateway: the same seed sends the same callbacks')
  .option('--gateway <url>', 'base URL of the gateway (default: from the configuration)')
  .option('--payments <n>', 'how many payments', wholeNumber, 100)
  .option('--seed <n>', 'decides everything that is sent', wholeNumber, 1)
  .option('--rate <n>', 'callbacks per second, open loop (default: as fast as they are answered)', positiveNumber)
  .option('--concurrency <n>', 'requests at once', wholeNumber, POST_DEFAULTS.concurrency)
  .option('--duplicates <share>', 'share of callbacks sent again', share, PLAN_DEFAULTS.duplicateShare)
  .option('--reorder <share>', 'share of payments told in another order', share, PLAN_DEFAULTS.reorderShare)
  .option('--late <share>', 'share of payments with a step told at the very end', share, PLAN_DEFAULTS.lateShare)
  .option('--malformed <share>', 'share of callbacks with something malformed', share, PLAN_DEFAULTS.malformedShare)
  .option(
    '--multi <share>',
    "share of J.P. Morgan's callbacks that hold several payments",
    share,
    PLAN_DEFAULTS.multiPaymentShare,
  )
  .option(
    '--odd <share>',
    'share of payments told oddly (times, ids, details, bytes), and of callbacks followed by one that cannot be read',
    share,
    PLAN_DEFAULTS.oddShare,
  )
  .option('--out <file>', 'write what was sent and the final status that every payment must reach')
  .option(
    '--await <duration>',
    'then wait until every payment is what it must become, at most so long; exit code 1 if one is not',
    durationMs,
  )
  .option('--json', 'print the counts as one JSON document')
  .action(simulate)

program
  .command('tail')
  .description('follow payments.status.changes')
  .option('--from-beginning', 'also what is there already')
  .option('--payment <key>', 'only this payment')
  .option('--max <n>', 'stop after so many changes', wholeNumber)
  .option('--json', 'one JSON document a line')
  .action(tail)

program
  .command('drift')
  .description('list the fields, statuses and event types in the raw callbacks that the mapping does not know')
  .option('--json', 'print one JSON document')
  .action(drift)

program
  .command('overdue')
  .description('list the payments whose next status is late, the longest waiting first')
  .option('--json', 'print one JSON document')
  .action(async ({ json }: JsonOption) => {
    const { config, logger } = setUp(...STATUSES)
    const payments = await findOverdue(config, logger, interrupted())
    print(json, { payments }, overdueLines(payments, Date.now()))
  })

program
  .command('show')
  .description('status and story of a payment')
  .argument('<payment>', "payment key, provider's id, or endToEndId")
  .option('--from-topic', 'read payments.status.current instead of the view in Redis')
  .option('--json', 'print one JSON document')
  .action(show)

program
  .command('why')
  .description('why a payment is what it is: each of its callbacks, what became of it, and what would be without it')
  .argument('<payment>', "payment key, provider's id, or endToEndId")
  .option('--from-topic', 'find it in payments.status.current instead of the view in Redis')
  .option('--json', 'print one JSON document')
  .addHelpText(
    'after',
    `
For every callback: where its raw record stands (topic, partition, offset, SHA-256 of the body), the verdict and
the rule that decided it, what it changed, and what would change if it were removed: status, deciding event,
attention. A raw record that is gone by retention is said to be gone. No body is printed.

"without it" takes away this callback; if others say the same, nothing changes, and "without all that say it" takes
away all of them. Verdicts beside those of payments.status.changes: DUPLICATE (said before), DEAD_LETTER,
PENDING (not processed yet), MISSING (processed, and not recorded: see paystatus verify).
Exit codes: 0 done; 1 no such payment; 2 wrong options or configuration.

Example:
  paystatus why --json E2E-4711 | jq '.payments[].callbacks[] | select(.decides) | .raw'`,
  )
  .action(why)

program
  .command('forget')
  .description(
    "make the bodies of a payment's callbacks unreadable for good, by deleting their data keys; statuses stay",
  )
  .argument('[payment]', "payment key, provider's id, or endToEndId")
  .option('--data-key <id...>', 'forget these data keys instead, whatever they hold')
  .option('--with-shared', 'also the data keys of callbacks about other payments that speak of this one too')
  .option('--force', 'do not wait for the normalizer: what is not normalized yet is never known')
  .option('--json', 'print one JSON document')
  .addHelpText(
    'after',
    `
Works for what was received with encryption on. Takes some seconds: every gateway has to stop using the keys, and the
normalizer has to come past what they encrypted, so that no status is lost. Can be repeated, also after an interruption.

A callback about several payments is encrypted with a data key of the first one (or, with dataKeyPer: source-and-day, of
its source and day). For the others it is listed as "left" unless --with-shared is given.
Exit codes: 0 forgotten; 1 something about the payment can still be read, or it did not work; 2 wrong options.

Example:
  paystatus forget --json jpm-global-payments-v2:5eedbab3-8342-4b10-ad5f-d9f408c7a97e | jq .forgotten`,
  )
  .action(forget)

program
  .command('verify')
  .description('recompute payments from the raw callbacks, and compare with changes, current and the view in Redis')
  .addOption(new Option('--all', 'all payments (default)').conflicts(['payment', 'since']))
  .addOption(new Option('--payment <key>', 'only this payment').conflicts('since'))
  .option('--since <time>', 'only payments of which a callback was received since then (ISO 8601)', isoTime)
  .option('--no-view', 'leave out the view in Redis, for example while Redis is away')
  .option('--json', 'print one JSON document')
  .addHelpText(
    'after',
    `
Reads only, and shares nothing with the status processor but the fold: it can run beside it at any time. What the
stages have not come to yet is counted first and left out. It judges by the mapping of this release: run the one
that processed the callbacks.

  lost           a callback's event has no record, or a payment is gone that is not to be forgotten yet
  duplicated     an event has two records in payments.status.changes
  wrong status   a status, its attention or its details are not what the events come to
  wrong version  a gap, a repeat, or current is not at the last version
  view differs   Redis does not have what payments.status.current has
  unexplained    something was recorded that no callback in raw says

Payments that began before raw reaches back ("partial") are judged with the history in payments.status.current as the
start. --json prints callbacks, events, payments, lost, duplicated, wrongStatus, wrongVersion, viewDiffers, unexplained,
partial, rawReachesBackTo, unknownSource, inFlight, seconds, ok, differences (the first 100: kind, paymentKey, text).
Exit codes: 0 nothing differs; 1 something does, or it could not be found out; 2 wrong options or configuration.

Example:
  paystatus verify --since 2026-03-01T08:00:00Z --json | jq '.differences[] | [.kind, .paymentKey]'`,
  )
  .action(runVerify)

program
  .command('repair')
  .description(
    'publish again what changes lost and current still has, and the other way round; a dry run without --apply',
  )
  .option('--apply', 'do it; all processors must be stopped')
  .option('--json', 'print one JSON document')
  .addHelpText(
    'after',
    `
After a power failure with an unclean leader election a topic can end before what was committed to it; the processor then
stops and says so. payments.status.current has the history of every payment, payments.status.changes every step: what one of
them lost is made again from the other, and the committed offsets promise the ends that are true now. Records that are
published again carry the header paystatus_repaired and may stand behind later versions of their payment.

Each line says what was found; "not exact" names what cannot be known (when a payment became overdue), "cannot be repaired"
what neither topic has any more: set the group's offset back then, or see paystatus verify. Needs what the processor may do.
Exit codes: 0 nothing to repair, or repaired; 1 something is left to do, or it did not work; 2 wrong options.

Example:
  paystatus repair && echo nothing to do || paystatus repair --apply`,
  )
  .action(async ({ apply, json }: JsonOption & { apply?: boolean }) => {
    const { config, logger } = setUp(...STATUSES)
    const report = await repair(config, logger, { apply: apply === true, signal: interrupted() })
    print(json, report, repairLines(report))
    exitWith(isLeft(report) ? [report] : [])
  })

callbackFilesCommand('translate')
  .description('what callbacks in files say, in our vocabulary: one JSON document a file, one a line')
  .addHelpText(
    'after',
    `
Each line is {"file", "events": [...], "deadLetters": [...], "setAside": n}: what the normalizer would publish,
including the reports of refunds, returns and chargebacks to their originals (childKey), what it would quarantine
and why, and how many parts are understood and no payment status. Needs no
configuration and no servers. Exit codes: 0 done, also with dead letters; 2 a file cannot be read, wrong options.

Example:
  paystatus translate --provider jpm-global-payments-v1 rejected.json | jq '.events[].status'`,
  )
  .action(translate)

callbackFilesCommand('fold')
  .description('the status of every payment that callbacks in files speak of, as if they had arrived in this order')
  .option('--permute', 'also try other orders of arrival; exit code 1 if the state of a payment depends on the order')
  .option('--seed <n>', 'with --permute: which orders are tried when there are too many', wholeNumber, 1)
  .addHelpText(
    'after',
    `
Prints one JSON document {"states": [...], "deadLetters": [...], "setAside": n, "duplicates": n}. A state has
paymentKey, status, statusVersion, attention, kind, relatesTo, children, details, and its events with id, verdict and
rule (see paystatus rules). Needs no configuration and no servers.

--permute tries, for each payment, all orders of the callbacks that speak of it; of more than
${EXHAUSTIVE_COUNT_MAX} callbacks ${SAMPLED_ORDERS} orders by the seed. Verdicts and versions tell the story of the arrivals and may
differ; anything else is a finding: "permute" then names the payment and two orders that disagree.
Exit codes: 0 done, also with dead letters; 1 orders disagree; 2 a file cannot be read, wrong options.

Example:
  paystatus fold --provider instamed --permute authorization.json void.json | jq '.states[] | [.paymentKey, .status]'`,
  )
  .action(fold)

program
  .command('rules')
  .description('the rules by which a payment gets its status, and what providers send means, as tables')
  .option('--json', 'print one JSON document')
  .action(({ json }: JsonOption) => {
    const document = rules()
    print(json, document, json ? [] : [rulesText(document)])
  })

program
  .command('openapi')
  .description('what the gateway of this configuration accepts and answers, as OpenAPI 3.1')
  .addHelpText('after', '\nHolds the paths of the sources, also those that are hard to guess, and no secret.')
  .action(() => print(true, gatewayApi(configuration([])), []))
// A defect, in any role or tool: node would print the error's message and what it holds.
process.on('uncaughtException', (error) => {
  process.stderr.write(`paystatus: ended by an error that nobody expected: ${crashText(error)}\n`)
  process.exit(EXIT_FAILED)
})

// Whoever reads has seen enough, as in `paystatus rules | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : EXIT_FAILED)
})

try {
  await program.parseAsync()
} catch (error) {
  const { code } = error as { code?: string }
  process.stderr.write(`paystatus: ${shownMessage(error as Error)}\n`)
  process.exitCode = USAGE_ERRORS.some((usage) => error instanceof usage) ? EXIT_USAGE : EXIT_FAILED
  if (code === undefined && process.env['PAYSTATUS_DEBUG'] !== undefined) {
    process.stderr.write(`${serializeError(error).stack}\n`)
  }
}

interface JsonOption {
  readonly json?: boolean
}

async function run(stages: readonly StageName[]): Promise<void> {
  const config = configuration(TOPOLOGY.filter(({ stage }) => stages.includes(stage)).flatMap(({ uses }) => uses))
  if (stages.includes('gateway') && config.sources.length === 0) {
    throw new ConfigError(['sources: none is configured, so the gateway would accept nothing'])
  }
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) {
        // Whoever asks a second time does not want to wait any longer.
        process.stderr.write(`paystatus: ${signal} again, ending without the rest\n`)
        process.exit(EXIT_FAILED)
      }
      stop.abort()
    })
  }
  const reason = await runStages(config, stages, stop.signal, ({ gateway, admin }) => {
    process.stderr.write(`${gateway === undefined ? '' : `gateway ${gateway}, `}health and metrics ${admin}\n`)
  })
  if (reason.kind === 'fatal') {
    process.stderr.write(`paystatus: ${shownMessage(reason.error)}\n`)
    process.exit(EXIT_FAILED)
  }
  process.exit(0)
}

interface SimulateOptions extends JsonOption {
  readonly gateway?: string
  readonly payments: number
  readonly seed: number
  readonly rate?: number
  readonly concurrency: number
  readonly duplicates: number
  readonly reorder: number
  readonly late: number
  readonly malformed: number
  readonly multi: number
  readonly odd: number
  readonly out?: string
  /** ms */
  readonly await?: number
}

async function simulate(options: SimulateOptions): Promise<void> {
  const { config, logger } = setUp('gateway', ...(options.await === undefined ? [] : STATUSES))
  const gateway = options.gateway ?? `http://${config.gateway.host}:${config.gateway.port}`
  const progress = process.stderr.isTTY
  const signal = interrupted()
  const report = await runSimulation({
    sources: simulatedSources(config, gateway),
    seed: options.seed,
    payments: options.payments,
    ratePerSecond: options.rate ?? null,
    concurrency: options.concurrency,
    duplicateShare: options.duplicates,
    reorderShare: options.reorder,
    lateShare: options.late,
    malformedShare: options.malformed,
    multiPaymentShare: options.multi,
    oddShare: options.odd,
    signal,
    ...(options.out !== undefined && { outFile: options.out }),
    ...(progress && {
      onProgress: ({ accepted, givenUp, callbacks }) => {
        process.stderr.write(`\r${accepted} of ${callbacks} callbacks${accepted + givenUp === callbacks ? '\n' : ''}`)
      },
    }),
  })
  const { payments: _, ...summary } = report
  const mismatches =
    options.await === undefined
      ? undefined
      : await awaitStatuses(report, await currentPayments(config, logger), { timeoutMs: options.await, signal })
  print(options.json, { ...summary, ...(mismatches !== undefined && { mismatches }) }, [
    ...simulationLines(report),
    ...(mismatches === undefined ? [] : mismatchLines(mismatches)),
  ])
  if (report.aborted || report.counts.givenUp > 0) {
    process.exitCode = EXIT_FAILED
  }
  exitWith(mismatches ?? [])
}

function simulationLines({ counts, expected, answerMs, seconds, aborted }: SimulationReport): readonly string[] {
  return [
    `${counts.accepted} of ${counts.callbacks} callbacks accepted in ${seconds} s, ${counts.attempts} attempts${aborted ? ', interrupted' : ''}`,
    ...(answerMs === null
      ? []
      : [`answered within p50 ${answerMs.p50} ms, p99 ${answerMs.p99} ms, max ${answerMs.max} ms`]),
    `must become ${expected.events} events of ${expected.payments} payments, ${rangeText(expected.duplicates)} duplicates, ${rangeText(expected.deadLetters)} dead letters`,
    ...Object.entries(expected.paymentsByStatus).map(([status, count]) => `  ${status.padEnd(18)} ${count}`),
  ]
}

function rangeText({ min, max }: { readonly min: number; readonly max: number }): string {
  return min === max ? String(min) : `${min} to ${max}`
}

async function tail(options: JsonOption & { fromBeginning?: boolean; payment?: string; max?: number }): Promise<void> {
  const { config, logger } = setUp(...STATUSES)
  const enough = new AbortController()
  let seen = 0
  await tailChanges(config, logger, {
    fromBeginning: options.fromBeginning === true,
    signal: AbortSignal.any([interrupted(), enough.signal]),
    onChange: (change) => {
      if (options.payment !== undefined && options.payment !== change.paymentKey) {
        return
      }
      process.stdout.write(`${options.json ? JSON.stringify(change) : changeLine(change)}\n`)
      seen += 1
      if (seen === options.max) {
        enough.abort()
      }
    },
  })
}

async function drift({ json }: JsonOption): Promise<void> {
  const { config, logger } = setUp('kafka', 'encryption')
  const report = await findDrift(config, logger, interrupted())
  print(json, report, driftLines(report))
}

async function show(wanted: string, options: JsonOption & { fromTopic?: boolean }): Promise<void> {
  const { config, logger } = setUp(...STATUSES, ...(options.fromTopic === true ? [] : VIEW))
  const { states, from } = await findPayments(config, logger, wanted, { fromTopic: options.fromTopic === true })
  sayWhereFrom(from, options)
  print(options.json, { payments: states.map(paymentJson), from }, [states.map(paymentStory).join('\n\n')])
  exitUnlessFound(states)
}

function sayWhereFrom(from: 'view' | 'topic', options: { readonly fromTopic?: boolean }): void {
  if (from === 'topic' && options.fromTopic !== true) {
    process.stderr.write('Redis does not answer; read from payments.status.current instead\n')
  }
}

function exitUnlessFound(payments: readonly unknown[]): void {
  if (payments.length === 0) {
    process.stderr.write('no payment with this key, provider id or endToEndId\n')
    process.exitCode = EXIT_FAILED
  }
}

async function why(wanted: string, options: JsonOption & { fromTopic?: boolean }): Promise<void> {
  const { config, logger } = setUp(...STATUSES, 'encryption', ...(options.fromTopic === true ? [] : VIEW))
  const { payments, from } = await explainPayments(config, logger, wanted, {
    fromTopic: options.fromTopic === true,
    signal: interrupted(),
    ...(process.stderr.isTTY && {
      onReading: (topic: string, partition: number) => process.stderr.write(`reading ${topic}[${partition}]\n`),
    }),
  })
  sayWhereFrom(from, options)
  print(options.json, { payments, from }, [payments.map(whyStory).join('\n\n')])
  exitUnlessFound(payments)
}

interface ForgetCommandOptions extends JsonOption {
  readonly dataKey?: readonly string[]
  readonly withShared?: boolean
  readonly force?: boolean
}

async function forget(payment: string | undefined, options: ForgetCommandOptions): Promise<void> {
  const { config, logger } = setUp(...STATUSES, 'encryption')
  if ((payment === undefined) === (options.dataKey === undefined)) {
    program.error('name a payment, or data keys with --data-key')
  }
  let waitingFor = ''
  const how = {
    withShared: options.withShared === true,
    force: options.force === true,
    signal: interrupted(),
    onWaiting: (what: string) => {
      if (what !== waitingFor) {
        waitingFor = what
        process.stderr.write(`waits ${what}\n`)
      }
    },
  }
  const report: ForgetReport =
    payment === undefined
      ? await forgetDataKeys(config, logger, options.dataKey ?? [], how)
      : await forgetPayment(config, logger, payment, how)
  print(options.json, report, forgetLines(report))
  exitWith([...report.shared, ...report.notEncrypted])
}

interface VerifyCommandOptions extends JsonOption {
  readonly payment?: string
  readonly since?: number
  readonly view: boolean
}

async function runVerify({ json, payment, since, view }: VerifyCommandOptions): Promise<void> {
  const { config, logger } = setUp(...STATUSES, ...VIEW, 'encryption')
  const report = await verify(config, logger, {
    view,
    signal: interrupted(),
    ...(payment !== undefined && { payment }),
    ...(since !== undefined && { since }),
    onInFlight: (inFlight) => process.stderr.write(`${inFlightLine(inFlight)}\n`),
    onProgress: showVerifyProgress,
  })
  print(json, report, verifyLines(report))
  if (payment !== undefined && report.payments === 0) {
    process.stderr.write('no payment with this key\n')
    process.exitCode = EXIT_FAILED
  }
  exitWith(report.ok ? [] : [report])
}

function showVerifyProgress(progress: VerifyProgress): void {
  const line = progressLine(progress)
  // On a terminal over itself.
  process.stderr.write(process.stderr.isTTY ? `\r${line}${progress.done === progress.of ? '\n' : ''}` : `${line}\n`)
}

interface CallbackFilesOptions {
  readonly provider: string
  readonly contentType?: string
  readonly namespace?: string
  readonly currency?: string
}

/** A command that reads callbacks from files. The provider it gets is one that there is. */
function callbackFilesCommand(name: string): Command {
  return program
    .command(name)
    .argument('<file...>', 'one callback each: the body of the request, byte for byte')
    .addOption(new Option('--provider <id>', 'whose callbacks these are').choices(PROVIDER_IDS).makeOptionMandatory())
    .option('--content-type <type>', 'of all files (default: by extension .json, .form or .xml, else JSON)')
    .option('--namespace <name>', 'first part of the payment keys (default: the provider)', ruledBy(nameRule))
    .option('--currency <code>', 'ISO 4217, for amounts that are sent without one', ruledBy(currencyRule))
}

function translated(files: readonly string[], { provider: id, ...options }: CallbackFilesOptions) {
  const provider = providerById(id)
  if (provider === undefined) {
    throw new TypeError(`there is no provider ${id}`)
  }
  return translateFiles(provider, readCallbackFiles(files, { ...options, provider }))
}

function translate(files: readonly string[], options: CallbackFilesOptions): void {
  for (const document of translated(files, options)) {
    print(true, document, [])
  }
}

function fold(files: readonly string[], options: CallbackFilesOptions & { permute?: boolean; seed: number }): void {
  const document = foldFiles(translated(files, options), options.permute ? { permuteSeed: options.seed } : {})
  print(true, document, [])
  const differences = document.permute?.differences ?? []
  for (const difference of differences) {
    process.stderr.write(`paystatus: ${orderDifferenceText(difference)}\n`)
  }
  exitWith(differences)
}

function configuration(uses: readonly ConfigPart[]): Config {
  return loadConfig(program.opts<{ config?: string }>().config, process.env, uses)
}

/** For commands of people: their output is for reading, so the log only speaks of what went wrong. */
function setUp(...uses: readonly ConfigPart[]) {
  const config = configuration(uses)
  return { config, logger: createLogger({ level: config.log.level === 'debug' ? 'debug' : 'error', role: 'tool' }) }
}

function interrupted(): AbortSignal {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  process.once('SIGTERM', () => controller.abort())
  return controller.signal
}

function print(json: boolean | undefined, document: unknown, lines: readonly string[]): void {
  const text = json ? JSON.stringify(document) : lines.join('\n')
  if (text !== '') {
    // Not by file descriptor: a pipe whose reader is slow would answer EAGAIN and the rest would be lost.
    process.stdout.write(`${text}\n`)
  }
}

function okOr(findings: readonly string[], ok: string): readonly string[] {
  return findings.length === 0 ? [ok] : findings
}

function exitWith(findings: readonly unknown[]): void {
  if (findings.length > 0) {
    process.exitCode = EXIT_FAILED
  }
}

function parseRoles(text: string): readonly StageName[] {
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.filter((name) => !STAGES.includes(name as StageName))
  if (unknown.length > 0) {
    throw new InvalidArgumentError(`unknown: ${unknown.join(', ')}; there are ${STAGES.join(', ')}.`)
  }
  return [...new Set(names as StageName[])]
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) {
    throw new InvalidArgumentError('must be a whole number.')
  }
  return Number(text)
}

function positiveNumber(text: string): number {
  const value = Number(text)
  if (!(value > 0)) {
    throw new InvalidArgumentError('must be a number above 0.')
  }
  return value
}

/** An option that the configuration has as well is held to the same rule. */
function ruledBy(rule: typeof nameRule): (text: string) => string {
  return (text) => {
    const parsed = rule.safeParse(text)
    if (!parsed.success) {
      throw new InvalidArgumentError(`${parsed.error.issues.map(({ message }) => message).join('; ')}.`)
    }
    return parsed.data
  }
}

function durationMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) {
    throw new InvalidArgumentError(`${DURATION_HINT}.`)
  }
  return ms
}

/** ms since the epoch. */
function isoTime(text: string): number {
  const isIso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text)
  const ms = isIso ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) {
    throw new InvalidArgumentError('must be an ISO 8601 time with its zone, such as 2026-03-01T08:00:00Z.')
  }
  return ms
}

function share(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError('must be a share from 0 to 1.')
  }
  return value
}
