interface Version {
  readonly incarnation: number
  readonly statusVersion: number
}

/** Orders the versions of a payment, across its lives. */
export function compareVersions(a: Version, b: Version): number {
  return a.incarnation - b.incarnation || a.statusVersion - b.statusVersion
}
