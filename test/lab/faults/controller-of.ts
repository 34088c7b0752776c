import { once } from 'node:events'
import { createConnection } from 'node:net'

const DESCRIBE_QUORUM = 55
const CLUSTER_METADATA = '__cluster_metadata'
const ANSWER_MAX_MS = 3_000

/** Node id of the active controller, which no client of ours can ask for. Rejects if no broker knows it. */
export async function controllerOf(brokers: readonly string[]): Promise<number> {
  const errors: unknown[] = []
  for (const broker of brokers) {
    try {
      return await ask(broker)
    } catch (error) {
      errors.push(error)
    }
  }
  throw new AggregateError(errors, 'no broker knows the controller')
}

async function ask(broker: string): Promise<number> {
  const [host, port] = broker.split(':')
  const socket = createConnection(Number(port), host)
  socket.setTimeout(ANSWER_MAX_MS, () => socket.destroy(new Error(`${broker} does not answer`)))
  try {
    await once(socket, 'connect')
    socket.write(describeQuorum())
    const [answer] = (await once(socket, 'data')) as [Buffer]
    return leaderIn(answer)
  } finally {
    socket.destroy()
  }
}

/** DescribeQuorum v0 for partition 0; all lengths of the flexible encoding fit into one byte here. */
function describeQuorum(): Buffer {
  const noTags = 0
  const head = Buffer.alloc(11)
  head.writeInt16BE(DESCRIBE_QUORUM, 0)
  head.writeInt16BE(0, 2)
  head.writeInt32BE(1, 4)
  // No client id.
  head.writeInt16BE(-1, 8)
  head.writeInt8(noTags, 10)
  const topic = Buffer.from(CLUSTER_METADATA)
  const body = Buffer.concat([
    Buffer.from([1 + 1, topic.length + 1]),
    topic,
    Buffer.from([1 + 1, 0, 0, 0, 0, noTags, noTags, noTags]),
  ])
  const size = Buffer.alloc(4)
  size.writeInt32BE(head.length + body.length)
  return Buffer.concat([size, head, body])
}

/** Size, correlation id, tags, error code, topics [ name, partitions [ index, error code, leader … */
function leaderIn(answer: Buffer): number {
  const errorCode = answer.readInt16BE(9)
  const partition = 12 + 1 + CLUSTER_METADATA.length + 1
  if (errorCode !== 0 || answer.readInt16BE(partition + 4) !== 0) {
    throw new Error(`DescribeQuorum failed with ${errorCode}`)
  }
  return answer.readInt32BE(partition + 6)
}
