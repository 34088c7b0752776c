import { createServer, type Server, type Socket } from 'node:net'
import { API_VERSIONS, FIND_COORDINATOR, METADATA, type RequestType } from '../../../src/kafka/client/requests.ts'
import { WireReader } from '../../../src/kafka/client/wire-reader.ts'
import { WireWriter } from '../../../src/kafka/client/wire-writer.ts'

/** Undefined: the request is never answered. */
type Answer<A> = A | undefined | Promise<A | undefined>

interface Handler {
  readonly type: RequestType<unknown, unknown>
  readonly answer: (body: unknown, socket: Socket) => Answer<unknown>
}

/**
 * A broker on a real socket that answers as a test scripts it. It reads and writes with the client's own request definitions;
 * the integration tests check those against real brokers.
 *
 * By default it is the only broker, leads all partitions of all topics, and coordinates everything.
 */
export class ScriptedBroker {
  readonly nodeId: number
  readonly port: number
  /** `name` of each request, in order. */
  readonly requests: string[] = []
  /** The sockets of clients that are connected, in order. */
  readonly sockets: Socket[] = []
  /** The brokers that it lists, and the node that leads and coordinates; by default this one. */
  brokers: readonly ScriptedBroker[] = [this]
  leader: number
  coordinator: number
  /** Which node coordinates keys of a type; by default `coordinator`. */
  coordinatorOf: (keyType: number) => number = () => this.coordinator
  topicId = Buffer.alloc(16, 1).toString('base64url')
  partitions = 1
  features: readonly { readonly name: string; readonly maxLevel: number; readonly minLevel: number }[] = []
  readonly #server: Server
  readonly #handlers = new Map<string, Handler>()

  private constructor(server: Server, nodeId: number) {
    this.#server = server
    this.nodeId = nodeId
    this.port = (server.address() as { port: number }).port
    this.leader = nodeId
    this.coordinator = nodeId
    server.on('connection', (socket) => this.#serve(socket))
    this.on(API_VERSIONS, () => ({ errorCode: 0, apis: [], throttleTimeMs: 0, features: this.features }))
    this.on(METADATA, ({ topics }) => ({
      throttleTimeMs: 0,
      brokers: this.brokers.map(({ nodeId: id, port }) => ({ nodeId: id, host: '127.0.0.1', port, rack: null })),
      clusterId: 'scripted',
      controllerId: nodeId,
      topics: topics.map(({ name }) => ({
        errorCode: 0,
        name,
        id: this.topicId,
        isInternal: false,
        partitions: Array.from({ length: this.partitions }, (_, partition) => ({
          errorCode: this.leader < 0 ? 5 : 0,
          partition,
          leader: this.leader,
          leaderEpoch: 0,
          replicas: [],
          inSync: [],
          offline: [],
        })),
        authorizedOperations: 0,
      })),
    }))
    this.on(FIND_COORDINATOR, ({ keys, keyType }) => {
      const found = this.coordinatorOf(keyType)
      const { port } = this.brokers.find((one) => one.nodeId === found) ?? this
      return {
        throttleTimeMs: 0,
        coordinators: keys.map((key) => ({
          key,
          nodeId: found,
          host: '127.0.0.1',
          port,
          errorCode: 0,
          errorMessage: null,
        })),
      }
    })
  }

  static async start(nodeId = 1): Promise<ScriptedBroker> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new ScriptedBroker(server, nodeId)
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  on<Q, A>(type: RequestType<Q, A>, answer: (body: Q, socket: Socket) => Answer<A>): void {
    this.#handlers.set(`${type.key} ${type.version}`, { type, answer } as Handler)
  }

  /** From now on, answers every request as another broker does. */
  answerLike(other: ScriptedBroker): void {
    for (const [key, handler] of other.#handlers) {
      this.#handlers.set(key, handler)
    }
  }

  close(): void {
    for (const socket of this.sockets) {
      socket.destroy()
    }
    this.#server.close()
  }

  #serve(socket: Socket): void {
    this.sockets.push(socket)
    socket.on('error', () => {})
    let rest = Buffer.alloc(0)
    let answering = Promise.resolve()
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const frame = rest.subarray(4, 4 + rest.readInt32BE(0))
        rest = rest.subarray(4 + frame.length)
        // One at a time, as brokers do.
        answering = answering.then(() => this.#answer(frame, socket))
      }
    })
  }

  async #answer(frame: Buffer, socket: Socket): Promise<void> {
    const from = new WireReader(frame)
    const key = from.int16()
    const version = from.int16()
    const correlationId = from.int32()
    from.bytes(from.int16())
    const handler = this.#handlers.get(`${key} ${version}`)
    if (handler === undefined) {
      throw new Error(`no script for request ${key} version ${version}`)
    }
    const { type } = handler
    if (type.header !== 'old') {
      from.unsignedVarInt()
    }
    this.requests.push(type.name)
    const answer = await handler.answer(type.request.read(from), socket)
    if (answer === undefined) {
      // Later requests on this connection wait, too.
      await new Promise((resolve) => socket.once('close', resolve))
      return
    }
    const to = new WireWriter()
    to.int32(correlationId)
    if (type.header === 'tagged') {
      to.unsignedVarInt(0)
    }
    type.response.write(to, answer)
    const size = Buffer.alloc(4)
    size.writeInt32BE(to.length)
    socket.write(Buffer.concat([size, ...to.parts()]))
  }
}
