/** A member of the group, with the partitions it had before. */
export interface Member {
  readonly id: string
  /** Stays the same across restarts, if it is set. */
  readonly instanceId: string | null
  /** The partitions it was assigned in `generation`; empty for a new member. */
  readonly owned: readonly number[]
  readonly generation: number
}

/**
 * Assigns the partitions 0 to `partitions` - 1 evenly: members' counts differ by at most one. Within that limit members keep
 * their partitions, so that a rebalance moves few. If two members claim a partition, the later generation wins.
 */
export function assignPartitions(
  members: readonly Member[],
  partitions: number,
): ReadonlyMap<string, readonly number[]> {
  const ordered = members.toSorted((a, b) => compare(a.instanceId ?? a.id, b.instanceId ?? b.id))
  const owners = new Map<number, Member>()
  for (const member of ordered) {
    for (const partition of member.owned) {
      const other = owners.get(partition)
      if (partition < partitions && (other === undefined || other.generation < member.generation)) {
        owners.set(partition, member)
      }
    }
  }
  const assigned = new Map(ordered.map(({ id }) => [id, [] as number[]]))
  const least = Math.floor(partitions / ordered.length)
  /** How many members may have one more than `least`. */
  let extra = partitions % ordered.length
  const free: number[] = []
  for (let partition = 0; partition < partitions; partition += 1) {
    const list = assigned.get(owners.get(partition)?.id ?? '')
    if (list !== undefined && list.length < least) {
      list.push(partition)
    } else if (list !== undefined && list.length === least && extra > 0) {
      list.push(partition)
      extra -= 1
    } else {
      free.push(partition)
    }
  }
  const lists = [...assigned.values()]
  for (const partition of free) {
    // Once every member has `least`, as many partitions are left as there are extras, and each goes to another member.
    const list = lists.find(({ length }) => length < least) ?? lists.find(({ length }) => length === least)
    list?.push(partition)
  }
  return new Map([...assigned].map(([id, list]) => [id, list.toSorted((a, b) => a - b)]))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
