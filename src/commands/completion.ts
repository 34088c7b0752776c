import type { Command } from 'commander'
import { Argument } from 'commander'
import { type CompletionNode, completionScript, SHELLS, type Shell } from './completion-script.ts'

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print the completion of commands and options for a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      `
  source <(paystatus completion bash)                                       # bash, in ~/.bashrc
  source <(paystatus completion zsh)                                        # zsh, in ~/.zshrc after compinit
  paystatus completion fish > ~/.config/fish/completions/paystatus.fish     # fish`,
    )
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, nodesOf(program)))
    })
}

/** The program and all of its commands; the program has the empty path. */
export function nodesOf(command: Command, path: readonly string[] = []): readonly CompletionNode[] {
  const help = { name: '--help', short: '-h', description: 'display help for command', takesValue: false }
  const node = {
    path,
    commands: command.commands.map((child) => ({ name: child.name(), description: child.description() })),
    options: [
      ...command.options.map(({ long, short, description, required, optional }) => ({
        name: long ?? '',
        short: short ?? null,
        description,
        takesValue: required || optional,
      })),
      help,
    ],
    values: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  }
  return [node, ...command.commands.flatMap((child) => nodesOf(child, [...path, child.name()]))]
}
