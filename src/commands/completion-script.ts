export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export interface CompletionOption {
  /** Long, with its dashes. */
  readonly name: string
  readonly short: string | null
  readonly description: string
  readonly takesValue: boolean
}

/** What can follow a command. */
export interface CompletionNode {
  /** The command and those above it; empty for the program itself. */
  readonly path: readonly string[]
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly CompletionOption[]
  /** Values of its argument, if they are a closed list. */
  readonly values: readonly string[]
}

/** A script for a shell to read. It starts no process when it completes: everything is in it. */
export function completionScript(shell: Shell, nodes: readonly CompletionNode[]): string {
  switch (shell) {
    case 'bash':
      return bashScript(nodes)
    case 'zsh':
      return zshScript(nodes)
    case 'fish':
      return fishScript(nodes)
    default:
      return shell satisfies never
  }
}

/** Values of options, and anything else that is not known, complete to files. */
function bashScript(nodes: readonly CompletionNode[]): string {
  const words = ({ commands, options, values }: CompletionNode) =>
    [...commands, ...options].map(({ name }) => name).concat(values)
  return `# bash completion of paystatus
_paystatus() {
  local current=\${COMP_WORDS[COMP_CWORD]} place= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$place $word" in
      ${pathPattern(nodes)}) place="$place $word" ;;
    esac
  done
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    ${valueOptions(nodes).join('|')}) COMPREPLY=(); return ;;
  esac
  case "$place" in
${nodes.map((node) => `    '${placeOf(node)}') COMPREPLY=($(compgen -W '${words(node).join(' ')}' -- "$current")) ;;`).join('\n')}
  esac
}
complete -o default -F _paystatus paystatus
`
}

function zshScript(nodes: readonly CompletionNode[]): string {
  const described = ({ commands, options, values }: CompletionNode) =>
    [...commands, ...options, ...values.map((name) => ({ name, description: '' }))]
      .map(({ name, description }) => quoted(`${name}:${description.replaceAll(':', '\\:')}`))
      .join(' ')
  return `#compdef paystatus
_paystatus() {
  local place= word
  local -a found
  for word in "\${words[@]:1:$((CURRENT - 2))}"; do
    case "$place $word" in
      ${pathPattern(nodes)}) place="$place $word" ;;
    esac
  done
  case "\${words[CURRENT-1]}" in
    ${valueOptions(nodes).join('|')}) _files; return ;;
  esac
  case "$place" in
${nodes.map((node) => `    '${placeOf(node)}') found=(${described(node)}) ;;`).join('\n')}
  esac
  _describe paystatus found || _files
}
compdef _paystatus paystatus
`
}

function fishScript(nodes: readonly CompletionNode[]): string {
  const lines = nodes.flatMap(({ path, commands, options, values }) => {
    const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`)
    const none =
      commands.length > 0 ? [`not __fish_seen_subcommand_from ${commands.map(({ name }) => name).join(' ')}`] : []
    const here = (conditions: readonly string[]) =>
      conditions.length === 0 ? '' : ` -n ${quoted(conditions.join('; and '))}`
    return [
      ...commands.map(
        ({ name, description }) =>
          `complete -c paystatus${here([...seen, ...none])} -f -a ${name} -d ${quoted(description)}`,
      ),
      ...values.map((value) => `complete -c paystatus${here(seen)} -f -a ${value}`),
      ...options.map(
        ({ name, description, takesValue }) =>
          `complete -c paystatus${here(seen)} -l ${name.replace(/^-+/, '')}${takesValue ? ' -r' : ''} -d ${quoted(description)}`,
      ),
    ]
  })
  return `# fish completion of paystatus\n${lines.join('\n')}\n`
}

/** The shell pattern of every command, as `place` and the next word. */
function pathPattern(nodes: readonly CompletionNode[]): string {
  return nodes
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => `' ${path.join(' ')}'`)
    .join('|')
}

function placeOf({ path }: CompletionNode): string {
  return path.map((name) => ` ${name}`).join('')
}

function valueOptions(nodes: readonly CompletionNode[]): readonly string[] {
  return [
    ...new Set(
      nodes.flatMap(({ options }) =>
        options.flatMap(({ name, short, takesValue }) =>
          takesValue ? [name, ...(short === null ? [] : [short])] : [],
        ),
      ),
    ),
  ]
}

/** In single quotes, for all three shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`
}
