import type { Command } from 'commander'
import { rules, rulesText } from '../tools/rules.ts'
import { type JsonOption, print } from './command-line.ts'

export function addRules(program: Command): void {
  program
    .command('rules')
    .description('print the rules that determine a status and the mapping of every provider, as tables')
    .option('--json', 'print one JSON document')
    .action(({ json }: JsonOption) => {
      const document = rules()
      print(json, document, json ? [] : [rulesText(document)])
    })
}
