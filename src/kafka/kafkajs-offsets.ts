import { isConnectionError } from './errors.ts'
import { require } from './replace-module.ts'

interface OffsetManager {
  coordinator: unknown
  readonly groupId: string
  readonly cluster: { findGroupCoordinator(of: { groupId: string }): Promise<unknown> }
  commitOffsets(offsets?: object): Promise<void>
}

/**
 * Makes a consumer commit to the broker that coordinates its group now. The original notes the coordinator when a join is
 * complete, and again never: when the group moves to another broker and the join there fails (the group is just being
 * loaded), the consumer goes on as a member of before, whose heartbeats the new coordinator answers, and sends every
 * commit to the old one.
 *
 * Seen with a rolling stop of brokers under load: two partitions were normalized again and again and never committed.
 * The consumer itself tries a failed commit again, so it is enough to know better then.
 */
export function commitToTheCoordinatorOfNow(): void {
  const { prototype } = require('kafkajs/src/consumer/offsetManager/index.js') as { prototype: OffsetManager }
  const { commitOffsets } = prototype
  prototype.commitOffsets = async function (this: OffsetManager, offsets?: object) {
    try {
      await commitOffsets.call(this, offsets)
    } catch (error) {
      if (mayHaveMoved(error as Error)) {
        // That it cannot be found either is less than what went wrong.
        await this.cluster.findGroupCoordinator({ groupId: this.groupId }).then(
          (found) => {
            this.coordinator = found
          },
          () => {},
        )
      }
      throw error
    }
  }
}

function mayHaveMoved(error: Error & { readonly type?: string }): boolean {
  return (
    error.type === 'NOT_COORDINATOR_FOR_GROUP' || error.name === 'KafkaJSBrokerNotFound' || isConnectionError(error)
  )
}
