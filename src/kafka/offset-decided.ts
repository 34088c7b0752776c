import type { Broker } from './client/broker.ts'
import { assertNoError } from './client/client-errors.ts'
import { OFFSET_FETCH } from './client/requests.ts'

const UNSTABLE_OFFSET_COMMIT = 88

/** Whether a partition's offset is decided: no unfinished transaction has committed one. Rejects with the protocol's error. */
export async function isOffsetDecided(
  coordinator: Broker,
  group: string,
  topic: string,
  partition: number,
): Promise<boolean> {
  const topics = [{ name: topic, partitions: [partition] }]
  const { groups } = await coordinator.send(OFFSET_FETCH, { groups: [{ group, topics }], requireStable: true })
  assertNoError(groups[0]?.errorCode ?? 0)
  const found = groups[0]?.topics[0]?.partitions.find((one) => one.partition === partition)
  if (found === undefined) {
    throw new Error(`the coordinator's response for group ${group} does not include ${topic}[${partition}]`)
  }
  if (found.errorCode !== UNSTABLE_OFFSET_COMMIT) {
    assertNoError(found.errorCode)
  }
  return found.errorCode === 0
}
