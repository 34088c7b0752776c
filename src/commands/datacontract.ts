import type { Command } from 'commander'
import { dataContractOf } from '../tools/contract/data-contract.ts'
import { toYaml } from '../tools/contract/to-yaml.ts'
import { configuration, type JsonOption, print } from './command-line.ts'

export function addDatacontract(program: Command): void {
  program
    .command('datacontract')
    .description(
      'print the data contract of the two published topics (Open Data Contract Standard 3.1); needs no servers',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nSays of every field what class of data it holds, and what consumers can rely on.')
    .action(({ json }: JsonOption) => {
      const document = dataContractOf(configuration(program, []))
      print(json, document, [toYaml(document)])
    })
}
