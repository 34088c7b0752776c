import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import '../../src/kafka/kafkajs.ts'
import { eventually } from '../lab/harness/eventually.ts'

/** kafkajs's connection with our fixes, against a server that answers as badly as a test needs. */

const require = createRequire(import.meta.url)

interface Answer {
  readonly payload: Buffer
}

interface Connection {
  connect(): Promise<boolean>
  disconnect(): Promise<boolean>
  isConnected(): boolean
  send(request: object): Promise<Answer>
}

let server: Server
let sockets: Socket[]
let connection: Connection

beforeEach(async () => {
  sockets = []
  server = createServer((socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const KafkaConnection = require('kafkajs/src/network/connection.js') as new (options: object) => Connection
  const nothing = () => {}
  const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, namespace: () => logger }
  connection = new KafkaConnection({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    logger,
    socketFactory: require('kafkajs/src/network/socketFactory.js')(),
    clientId: 'test',
    connectionTimeout: 1_000,
    requestTimeout: 60_000,
    enforceRequestTimeout: true,
  })
})

afterEach(async () => {
  for (const socket of sockets) {
    socket.destroy()
  }
  await connection.disconnect()
  server.close()
})

/** A request whose result is the unparsed payload. */
function ask(): Promise<Answer> {
  const encoder = require('kafkajs/src/protocol/encoder.js') as new () => { writeInt32(value: number): object }
  return connection.send({
    request: { apiKey: 3, apiName: 'Ask', apiVersion: 0, encode: async () => new encoder().writeInt32(7) },
    response: { decode: async (payload: Buffer) => ({ payload }), parse: async (decoded: Answer) => decoded },
  })
}

/** The response to a request: its size, its correlation id, and this many bytes. */
function answerTo(request: Buffer, bytes: number): Buffer {
  const answer = Buffer.alloc(8 + bytes, 'x')
  answer.writeInt32BE(4 + bytes, 0)
  answer.writeInt32BE(request.readInt32BE(8), 4)
  return answer
}

async function nextRequest(socket: Socket): Promise<Buffer> {
  const [data] = (await once(socket, 'data')) as [Buffer]
  return data
}

describe('a connection of kafkajs', () => {
  test('opens one socket for all requests that find it closed', async () => {
    await Promise.all([connection.connect(), connection.connect(), connection.connect()])
    await eventually(() => expect(sockets).not.toHaveLength(0))
    const asked = ask()
    const [socket] = sockets as [Socket]
    socket.write(answerTo(await nextRequest(socket), 1))
    await asked
    expect(sockets).toHaveLength(1)
  })

  test('does not read the responses of a new socket as the rest of a half-read one', async () => {
    await connection.connect()
    await eventually(() => expect(sockets).toHaveLength(1))
    const cut = ask()
    const [first] = sockets as [Socket]
    first.end(answerTo(await nextRequest(first), 1_000).subarray(0, 500))
    await expect(cut).rejects.toThrow('Closed connection')

    await eventually(async () => expect(await connection.connect()).toBe(true))
    await eventually(() => expect(sockets).toHaveLength(2))
    const whole = ask()
    const second = sockets[1] as Socket
    second.write(answerTo(await nextRequest(second), 20))
    expect((await whole).payload).toHaveLength(20)
  })

  test('rejects new requests while its socket closes', async () => {
    await connection.connect()
    await eventually(() => expect(sockets).toHaveLength(1))
    const [socket] = sockets as [Socket]
    const due = ask()
    const request = await nextRequest(socket)
    const closing = connection.disconnect()
    expect(connection.isConnected()).toBe(false)
    await expect(ask()).rejects.toThrow('Not connected')
    // Outstanding responses are still awaited.
    socket.write(answerTo(request, 4))
    expect((await due).payload).toHaveLength(4)
    await closing
  })

  test('rejects all pending requests when it breaks while closing', async () => {
    await connection.connect()
    await eventually(() => expect(sockets).toHaveLength(1))
    const due = ask()
    const [socket] = sockets as [Socket]
    await nextRequest(socket)
    const closing = connection.disconnect()
    socket.destroy()
    await expect(due).rejects.toThrow('Closed connection')
    await closing
  })

  test('reopens only once it is closed', async () => {
    await connection.connect()
    const closing = connection.disconnect()
    await connection.connect()
    await closing
    await eventually(() => expect(sockets).toHaveLength(2))
    expect(connection.isConnected()).toBe(true)
    const asked = ask()
    const second = sockets[1] as Socket
    second.write(answerTo(await nextRequest(second), 3))
    expect((await asked).payload).toHaveLength(3)
  })
})
