import { type Command, Option } from 'commander'
import { currencyRule, nameRule } from '../config.ts'
import { PROVIDER_IDS, providerById } from '../providers/registry.ts'
import { readCallbackFiles } from '../tools/callback-files.ts'
import { type TranslatedFile, translateFiles } from '../tools/translate-files.ts'
import { ruledBy } from './option-values.ts'

export interface CallbackFilesOptions {
  readonly provider: string
  readonly contentType?: string
  readonly namespace?: string
  readonly currency?: string
}

/** A command that reads callbacks from files. */
export function callbackFilesCommand(program: Command, name: string): Command {
  return program
    .command(name)
    .argument('<file...>', 'one callback per file: the request body, byte for byte')
    .addOption(new Option('--provider <id>', 'provider of the callbacks').choices(PROVIDER_IDS).makeOptionMandatory())
    .option(
      '--content-type <type>',
      'content type of all files (default: by extension .json, .form or .xml, else JSON)',
    )
    .option('--namespace <name>', 'first part of the payment keys (default: the provider)', ruledBy(nameRule))
    .option('--currency <code>', 'ISO 4217, for amounts sent without a currency', ruledBy(currencyRule))
}

export function translated(
  files: readonly string[],
  { provider: id, ...options }: CallbackFilesOptions,
): readonly TranslatedFile[] {
  const provider = providerById(id)
  if (provider === undefined) {
    // The option allows known providers only.
    throw new TypeError(`unknown provider ${id}`)
  }
  return translateFiles(provider, readCallbackFiles(files, { ...options, provider }))
}
