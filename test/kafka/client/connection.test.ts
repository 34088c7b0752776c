import { afterEach, beforeEach, expect, test } from 'vitest'
import { splitBrokerAddress } from '../../../src/kafka/client/broker-address.ts'
import { Connection, type ConnectionOptions } from '../../../src/kafka/client/connection.ts'
import { API_VERSIONS, HEARTBEAT, SASL_AUTHENTICATE, SASL_HANDSHAKE } from '../../../src/kafka/client/requests.ts'
import { plainLogin } from '../../../src/kafka/client/sasl.ts'
import { eventually } from '../../lab/harness/eventually.ts'
import { ScriptedBroker } from './scripted-broker.ts'

let scripted: ScriptedBroker
const opened: Connection[] = []

beforeEach(async () => {
  scripted = await ScriptedBroker.start()
})

afterEach(() => {
  for (const connection of opened.splice(0)) {
    connection.close()
  }
  scripted.close()
})

async function open(options: Partial<ConnectionOptions> = {}): Promise<Connection> {
  const connection = await Connection.open({
    address: splitBrokerAddress(scripted.address),
    clientId: 'test',
    ...options,
  })
  opened.push(connection)
  return connection
}

const BEAT = { group: 'g', generation: 1, memberId: 'm', instanceId: null }

test('each answer goes to its own request, even if several are in flight', async () => {
  scripted.on(HEARTBEAT, ({ generation }) => ({ throttleTimeMs: 0, errorCode: generation }))
  const connection = await open()
  const answers = await Promise.all([1, 2, 3].map((generation) => connection.send(HEARTBEAT, { ...BEAT, generation })))
  expect(answers.map(({ errorCode }) => errorCode)).toEqual([1, 2, 3])
})

test('answers are read however they are split into chunks', async () => {
  scripted.on(HEARTBEAT, () => ({ throttleTimeMs: 0, errorCode: 0 }))
  const connection = await open()
  const [socket] = scripted.sockets
  const write = (socket as NonNullable<typeof socket>).write.bind(socket)
  Object.assign(socket as object, {
    write: (bytes: Buffer) => {
      for (const byte of bytes) {
        write(Buffer.from([byte]))
      }
      return true
    },
  })
  await expect(connection.send(HEARTBEAT, BEAT)).resolves.toMatchObject({ errorCode: 0 })
})

test('every request in flight is rejected when the broker closes the connection', async () => {
  scripted.on(HEARTBEAT, (_, socket) => {
    socket.destroy()
    return undefined
  })
  const connection = await open()
  const requests = await Promise.allSettled([connection.send(HEARTBEAT, BEAT), connection.send(HEARTBEAT, BEAT)])
  for (const request of requests) {
    expect(request).toMatchObject({ status: 'rejected', reason: { code: 'CONNECTION_CLOSED', retriable: true } })
  }
  await expect(connection.send(HEARTBEAT, BEAT)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(connection.isOpen).toBe(false)
})

test('a request that is not answered in time ends the connection and all other requests on it', async () => {
  scripted.on(HEARTBEAT, () => undefined)
  const connection = await open()
  const slow = connection.send(HEARTBEAT, BEAT, 60)
  const other = connection.send(HEARTBEAT, BEAT, 60_000)
  await expect(slow).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
  await expect(other).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
  await eventually(() => expect(scripted.sockets.every(({ destroyed }) => destroyed)).toBe(true))
})

test('closing rejects requests in flight; finishing waits for them', async () => {
  let answer: () => void = () => {}
  scripted.on(HEARTBEAT, () => new Promise((resolve) => (answer = () => resolve({ throttleTimeMs: 0, errorCode: 7 }))))
  const closed = await open()
  const rejected = expect(closed.send(HEARTBEAT, BEAT)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  closed.close()
  await rejected

  const finished = await open()
  const asked = finished.send(HEARTBEAT, BEAT)
  await eventually(() => expect(scripted.requests.filter((name) => name === 'Heartbeat')).toHaveLength(2))
  const done = finished.finish(5_000)
  answer()
  await expect(asked).resolves.toMatchObject({ errorCode: 7 })
  await done
  expect(finished.isOpen).toBe(false)
})

test('opening fails if the broker accepts and never answers', async () => {
  scripted.on(API_VERSIONS, () => undefined)
  await expect(open({ openMaxMs: 80 })).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT', retriable: true })
  await eventually(() => expect(scripted.sockets.every(({ destroyed }) => destroyed)).toBe(true))
})

test('bytes that are not an answer end the connection at once', async () => {
  scripted.on(HEARTBEAT, (_, socket) => {
    socket.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
    return undefined
  })
  const connection = await open()
  await expect(connection.send(HEARTBEAT, BEAT)).rejects.toThrow('cannot read the broker')
})

test('the level of a feature is what the brokers report', async () => {
  scripted.features = [{ name: 'transaction.version', maxLevel: 2, minLevel: 2 }]
  const connection = await open()
  expect([connection.featureLevel('transaction.version'), connection.featureLevel('other')]).toEqual([2, 0])
})

/** Logins with sessions of this length. */
function acceptLogins(sessionLifetimeMs: bigint): string[] {
  const order: string[] = []
  scripted.on(SASL_HANDSHAKE, () => {
    order.push('handshake')
    return { errorCode: 0, mechanisms: ['PLAIN'] }
  })
  scripted.on(SASL_AUTHENTICATE, ({ bytes }) => {
    order.push(`login ${bytes.toString().split('\0').slice(1).join(' ')}`)
    return { errorCode: 0, errorMessage: null, bytes: Buffer.alloc(0), sessionLifetimeMs }
  })
  scripted.on(HEARTBEAT, () => {
    order.push('request')
    return { throttleTimeMs: 0, errorCode: 0 }
  })
  return order
}

test('a session is renewed before it ends, with the current password, and no request comes between its two steps', async () => {
  const order = acceptLogins(400n)
  let password = 'first'
  const connection = await open({ login: async () => plainLogin('alice', password) })
  await connection.send(HEARTBEAT, BEAT)
  expect(order).toEqual(['handshake', 'login alice first', 'request'])
  password = 'second'
  scripted.on(SASL_HANDSHAKE, async () => {
    order.push('handshake')
    // Sent while the broker waits for the second step.
    void connection.send(HEARTBEAT, BEAT)
    return { errorCode: 0, mechanisms: ['PLAIN'] }
  })
  await eventually(async () => {
    await Promise.all([connection.send(HEARTBEAT, BEAT), connection.send(HEARTBEAT, BEAT)])
    expect(order).toContain('login alice second')
  })
  for (const [index, step] of order.entries()) {
    if (step === 'handshake') {
      expect(order[index + 1]).toMatch(/^login/)
    }
  }
  expect(scripted.sockets).toHaveLength(1)
})

test('sessions without a time limit are not renewed', async () => {
  const order = acceptLogins(0n)
  const connection = await open({ login: async () => plainLogin('alice', 'p') })
  await connection.send(HEARTBEAT, BEAT)
  await connection.send(HEARTBEAT, BEAT)
  expect(order).toEqual(['handshake', 'login alice p', 'request', 'request'])
})

test('a refused login is a refusal; a connection that ends during the login is not', async () => {
  const login = { login: async () => plainLogin('alice', 'wrong'), who: 'PLAIN as alice' }
  scripted.on(SASL_HANDSHAKE, () => ({ errorCode: 0, mechanisms: ['PLAIN'] }))
  scripted.on(SASL_AUTHENTICATE, () => ({
    errorCode: 58,
    errorMessage: 'Authentication failed: Invalid username or password',
    bytes: Buffer.alloc(0),
    sessionLifetimeMs: 0n,
  }))
  await expect(open(login)).rejects.toMatchObject({
    code: 'KAFKA_LOGIN_REFUSED',
    retriable: false,
    message: 'the login (PLAIN as alice) failed: Authentication failed: Invalid username or password; see kafka.sasl',
  })
  scripted.on(SASL_AUTHENTICATE, (_, socket) => {
    socket.destroy()
    return undefined
  })
  await expect(open(login)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', retriable: true })
})

test('a login mechanism that the broker does not support is a protocol error', async () => {
  scripted.on(SASL_HANDSHAKE, () => ({ errorCode: 33, mechanisms: ['GSSAPI'] }))
  await expect(open({ login: async () => plainLogin('a', 'b') })).rejects.toMatchObject({
    type: 'UNSUPPORTED_SASL_MECHANISM',
  })
})

test('credentials that are not available are a failed login, retriable if their source says so', async () => {
  const missing = Object.assign(new Error('token endpoint does not answer'), { retriable: true })
  await expect(open({ login: () => Promise.reject(missing), who: 'OAUTHBEARER' })).rejects.toMatchObject({
    code: 'KAFKA_LOGIN_REFUSED',
    retriable: true,
  })
  expect(scripted.sockets).toHaveLength(0)
})
