import type { Command } from 'commander'
import type { TopicFinding } from '../kafka/topic-admin.ts'
import { aclLines, aclsOf } from '../tools/acls.ts'
import { carryOver, carryOverLines } from '../tools/carry-over.ts'
import { applyTopics, checkTopics } from '../tools/topics.ts'
import { type ActOptions, byOption, reasonOption } from './act-options.ts'
import { configuration, exitWith, interrupted, type JsonOption, okOr, print, STATUSES, setUp } from './command-line.ts'

export function addTopics(program: Command): void {
  const topics = program.command('topics').description("create and check the product's Kafka topics")
  topics
    .command('apply')
    .description('create missing topics, then check all of them')
    .option('--json', 'print one JSON document')
    .action(async ({ json }: JsonOption) => {
      const { config, logger } = setUp(program, 'kafka')
      const { created, findings } = await applyTopics(config, logger)
      const lines = okOr(
        created.map((topic) => `created ${topic}`),
        'nothing to create',
      )
      print(json, { created, findings }, [...lines, ...findings.map(findingLine)])
      exitWith(findings)
    })
  topics
    .command('check')
    .description('compare the topics with the configuration; changes nothing')
    .option('--json', 'print one JSON document')
    .action(async ({ json }: JsonOption) => {
      const { config, logger } = setUp(program, 'kafka')
      const findings = await checkTopics(config, logger)
      print(json, { findings }, okOr(findings.map(findingLine), 'all topics are as configured'))
      exitWith(findings)
    })
  topics
    .command('carry-over')
    .description(
      'publish the payments of another installation into this one, for example to change the partition count',
    )
    .requiredOption('--from-prefix <prefix>', 'kafka.topicPrefix of the other installation')
    .addOption(byOption())
    .addOption(reasonOption())
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Can be run again, also after an interruption: the processor recognises repeated events. The stages of the other
installation may run meanwhile, but what they publish then can be left out: run it again when they have stopped.
Recorded in the audit trail (paystatus audit). Needs the permissions of the maintainer.`,
    )
    .action(async ({ fromPrefix, by, reason, json }: JsonOption & ActOptions & { fromPrefix: string }) => {
      const { config, logger } = setUp(program, ...STATUSES)
      const report = await carryOver(config, logger, fromPrefix, { by, reason: reason ?? null }, interrupted())
      print(json, report, carryOverLines(report))
    })
  topics
    .command('acls')
    .description('print the minimal permissions of every role as commands for Kafka and Redis; needs no servers')
    .option('--principal-prefix <text>', 'prefix of the user names; the role follows', 'User:paystatus-')
    .option('--json', 'print one JSON document')
    .action(({ principalPrefix, json }: JsonOption & { principalPrefix: string }) => {
      const acls = aclsOf(configuration(program, []), principalPrefix)
      print(json, acls, aclLines(acls))
    })
}

function findingLine({ topic, problem }: TopicFinding): string {
  return `${topic} ${problem}`
}
