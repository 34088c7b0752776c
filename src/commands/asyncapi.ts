import type { Command } from 'commander'
import { asyncApiOf } from '../tools/contract/asyncapi.ts'
import { toYaml } from '../tools/contract/to-yaml.ts'
import { configuration, print } from './command-line.ts'

export function addAsyncapi(program: Command): void {
  program
    .command('asyncapi')
    .description('print the two published topics of this configuration, as AsyncAPI 3; needs no servers')
    .option('--subscriber', "describe a subscriber's side: its operations receive", false)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nContains the addresses of the brokers and of the registry, but no secrets.')
    .action(({ subscriber, json }: { subscriber: boolean; json?: boolean }) => {
      const document = asyncApiOf(configuration(program, []), subscriber ? 'subscriber' : 'paystatus')
      print(json, document, [toYaml(document)])
    })
}
