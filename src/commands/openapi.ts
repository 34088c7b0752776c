import type { Command } from 'commander'
import { gatewayApi } from '../run-stages.ts'
import { configuration, print } from './command-line.ts'

export function addOpenapi(program: Command): void {
  program
    .command('openapi')
    .description("print the gateway's API for this configuration, as OpenAPI 3.1")
    .addHelpText('after', '\nContains the paths of all sources, also those meant to be hard to guess, but no secrets.')
    .action(() => print(true, gatewayApi(configuration(program, [])), []))
}
