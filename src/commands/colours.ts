export interface Colours {
  green(text: string): string
  red(text: string): string
}

const PLAIN: Colours = { green: (text) => text, red: (text) => text }

/** Colours only for a person: not in files and pipes, not if NO_COLOR is set (https://no-color.org) or the terminal is dumb. */
export function coloursFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Colours {
  if (stream.isTTY !== true || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') {
    return PLAIN
  }
  return { green: (text) => `\u001b[32m${text}\u001b[39m`, red: (text) => `\u001b[31m${text}\u001b[39m` }
}
