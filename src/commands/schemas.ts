import type { Command } from 'commander'
import { checkRecordSchemas } from '../tools/check-record-schemas.ts'
import { checkAgainstHistory } from '../tools/schema-history.ts'
import { applySchemas, checkSchemas } from '../tools/schemas.ts'
import { topicNames } from '../topics.ts'
import { exitWith, type JsonOption, okOr, print, setUp } from './command-line.ts'

export function addSchemas(program: Command): void {
  const schemas = program.command('schemas').description('register and check the Avro schemas in the registry')
  schemas
    .command('apply')
    .description("register this release's schemas with compatibility FULL_TRANSITIVE; services never register schemas")
    .option('--json', 'print one JSON document')
    .action(async ({ json }: JsonOption) => {
      const { config } = setUp(program, 'registry')
      const lines: string[] = []
      const applied = await applySchemas(config.registry, topicNames(config.kafka.topicPrefix), (line) =>
        lines.push(line),
      )
      print(json, { schemas: applied }, lines)
    })
  schemas
    .command('check')
    .description("compare the registry with this release's schemas and with the records; changes nothing")
    .option(
      '--against-history',
      'only compare with every released version: what would a changed schema break? needs no servers',
      false,
    )
    .option('--no-records', 'skip the oldest and newest records of the topics; needs no Kafka')
    .option('--json', 'print one JSON document')
    .action(async ({ json, records, againstHistory }: JsonOption & { records: boolean; againstHistory: boolean }) => {
      if (againstHistory) {
        const found = checkAgainstHistory()
        print(
          json,
          { findings: found },
          okOr(
            found.map(({ message }) => message),
            'every schema reads what every released version wrote, and the reverse',
          ),
        )
        exitWith(found)
        return
      }
      const { config, logger } = records ? setUp(program, 'registry', 'kafka') : setUp(program, 'registry')
      const registered = await checkSchemas(config.registry, topicNames(config.kafka.topicPrefix))
      const carried = records ? await checkRecordSchemas(config, logger) : { findings: [], namesOnly: false }
      const findings = [...registered, ...carried.findings]
      print(json, { findings, namesOnly: carried.namesOnly }, [
        ...okOr(
          findings.map(({ message }) => message),
          `all schemas are registered, latest and FULL_TRANSITIVE${records ? ', and the records use no others' : ''}`,
        ),
        ...(carried.namesOnly
          ? ['this registry cannot list the subjects of a schema id: only the record names were compared']
          : []),
      ])
      exitWith(findings)
    })
}
