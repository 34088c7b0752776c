import { originIn } from '../stream/origin.ts'
import type { PartitionTransactions } from '../stream/transactions.ts'
import type { StatusTaskOptions } from './status-task-options.ts'

/**
 * Fences owners with other transactional ids: those of earlier releases, and that of the last commit, which only the commit
 * names. A former owner can commit until it is fenced, so the commit is read again after every fence. Once this resolves, the
 * committed offset is final.
 */
export async function fenceOwners(options: StatusTaskOptions, transactions: PartitionTransactions): Promise<void> {
  const { partition, group, topics, offsets, transactionalId, formerTransactionalIds } = options
  const fenced = new Set([transactionalId])
  const fence = async (id: string) => {
    fenced.add(id)
    await transactions.fence(id)
  }
  for (const id of formerTransactionalIds) {
    await fence(id)
  }
  for (;;) {
    const { metadata } = await offsets.committed(group, topics.events, partition)
    const id = originIn(metadata)?.transactionalId ?? transactionalId
    if (fenced.has(id)) {
      return
    }
    await fence(id)
  }
}
