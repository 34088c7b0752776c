import { stringify } from 'yaml'

/** Repeated parts are written out, because not every reader of YAML follows aliases. */
export function toYaml(document: unknown): string {
  return stringify(document, { aliasDuplicateObjects: false, lineWidth: 120 }).trimEnd()
}
