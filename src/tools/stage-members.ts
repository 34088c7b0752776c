import type { Config } from '../config.ts'
import type { Cluster } from '../kafka/client/cluster.ts'
import { describeGroup } from '../kafka/group-topics.ts'
import type { ReadingStage } from '../observability/metrics.ts'

/** How many processes of each stage are members of its group. */
export async function stageMembers(
  cluster: Cluster,
  { normalizer, processor }: Pick<Config, 'normalizer' | 'processor'>,
): Promise<Readonly<Record<ReadingStage, number>>> {
  const membersOf = async (group: string) => (await describeGroup(cluster, group)).members.length
  return { normalizer: await membersOf(normalizer.group), processor: await membersOf(processor.group) }
}
