/** HTML that is safe to send: everything that was put into it is escaped. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

/** What a template accepts. Null, undefined and false print nothing; a list prints its members. */
export type Part = Html | string | number | bigint | null | undefined | false | readonly Part[]

/**
 * A template literal whose values are escaped, in text and in quoted attributes. Attributes must be quoted, and no value may stand
 * in a script, a style or a comment; the pages have none of these.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  let text = strings[0] ?? ''
  for (const [index, value] of values.entries()) {
    text += textOf(value) + (strings[index + 1] ?? '')
  }
  return new Html(text)
}

function textOf(part: Part): string {
  if (part === null || part === undefined || part === false) {
    return ''
  }
  if (part instanceof Html) {
    return part.text
  }
  return typeof part === 'object' ? part.map(textOf).join('') : escaped(String(part))
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
