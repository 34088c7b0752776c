/**
 * The document with `text` between the marks of `command`, in place of what that command wrote before. Throws if the place is
 * not marked. Pure.
 */
export function withMeasured(document: string, command: string, text: string): string {
  const begin = `<!-- measured: written by \`${command}\` -->`
  const end = '<!-- /measured -->'
  const from = document.indexOf(begin)
  const to = document.indexOf(end, from)
  if (from < 0 || to < 0) {
    throw new Error(`no place for the results: ${begin} … ${end}`)
  }
  return `${document.slice(0, from)}${begin}\n${text}${document.slice(to)}`
}

/** Text for a cell of a table. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')
}
