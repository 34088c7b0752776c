import { originIn } from '../stream/origin.ts'
import type { PartitionTransactions } from '../stream/transactions.ts'
import type { StatusTaskOptions } from './status-task-options.ts'

/**
 * Fences owners that work under other transactional ids: those of earlier releases, and the one that committed last, which
 * only its commit names. A former owner may commit until it is fenced, so the commit is read again after every fence.
 *
 * Only then is what was committed final.
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
