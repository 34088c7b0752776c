/** `viewer` sees everything but bodies. `operator` may also act, and open bodies. */
export const ROLES = ['viewer', 'operator'] as const
export type Role = (typeof ROLES)[number]

/** A person or service that was recognised. */
export interface Who {
  /** For the audit trail. */
  readonly name: string
  readonly role: Role
  readonly how: 'loopback' | 'token' | 'proxy' | 'oidc'
}

export function mayAct(who: Who | null): boolean {
  return who?.role === 'operator'
}

/** Which groups have which role. `*` stands for everybody who signed in. */
export interface RoleGroups {
  readonly operators: readonly string[]
  readonly viewers: readonly string[]
}

/** The highest role that one of the groups has; null if none has any. */
export function roleOf(groups: readonly string[], { operators, viewers }: RoleGroups): Role | null {
  const isIn = (wanted: readonly string[]) => wanted.includes('*') || groups.some((group) => wanted.includes(group))
  return isIn(operators) ? 'operator' : isIn(viewers) ? 'viewer' : null
}

/** Names go into the audit trail and onto pages: printable, at most 128 characters. Null if nothing is left. */
export function cleanName(text: string): string | null {
  const name = text
    .replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '')
    .trim()
    .slice(0, 128)
  return name === '' ? null : name
}
