import type { Requirement } from './requirement.ts'

/** Admits every caller, because the configuration explicitly says `none`. */
export function none(): Requirement {
  return { type: 'none', challenge: null, checkHead: () => ({ holds: true, kind: 'none' }) }
}
