import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { bearerLogin, plainLogin, scramLogin } from '../../../src/kafka/client/sasl.ts'

/** The password of both RFCs' examples. */
const PASSWORD = 'pencil'

/** Gives the answers in order and records what was sent. */
function answering(...answers: readonly string[]) {
  const got: string[] = []
  return {
    got,
    exchange: async (message: Buffer) => {
      got.push(message.toString())
      return Buffer.from(answers[got.length - 1] ?? '')
    },
  }
}

test('PLAIN sends name and password', async () => {
  const { got, exchange } = answering('')
  await plainLogin('alice', 'secret').authenticate(exchange)
  expect(got).toEqual(['\0alice\0secret'])
})

describe('SCRAM', () => {
  const FIRST = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'

  test('follows the example of RFC 7677', async () => {
    const { got, exchange } = answering(FIRST, 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
    await scramLogin('SCRAM-SHA-256', 'user', PASSWORD, 'rOprNGfwEbeRWgbNEkqO').authenticate(exchange)
    expect(got).toEqual([
      'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    ])
  })

  test('works with SHA-512, and the broker must prove that it knows the password, too', async () => {
    const hmac = (key: Buffer, text: string) => createHmac('sha512', key).update(text).digest()
    const salted = pbkdf2Sync(PASSWORD, Buffer.from('salt'), 5_000, 64, 'sha512')
    const challenge = `r=nonceMore,s=${Buffer.from('salt').toString('base64')},i=5000`
    const signed = `n=a=2Cb=3D,r=nonce,${challenge},c=biws,r=nonceMore`
    const proof = hmac(hmac(salted, 'Server Key'), signed).toString('base64')
    const { got, exchange } = answering(challenge, `v=${proof}`)
    await scramLogin('SCRAM-SHA-512', 'a,b=', PASSWORD, 'nonce').authenticate(exchange)
    const storedKey = createHash('sha512').update(hmac(salted, 'Client Key')).digest()
    const sent = Buffer.from(got[1]?.split(',p=')[1] ?? '', 'base64')
    const signature = hmac(storedKey, signed)
    const clientKey = Buffer.from(sent.map((byte, at) => byte ^ (signature[at] as number)))
    expect(createHash('sha512').update(clientKey).digest()).toEqual(storedKey)
    const liar = answering(challenge, `v=${Buffer.alloc(64).toString('base64')}`)
    await expect(scramLogin('SCRAM-SHA-512', 'a,b=', PASSWORD, 'nonce').authenticate(liar.exchange)).rejects.toThrow(
      'the broker does not prove that it knows the password',
    )
  })

  test.each([
    ['another nonce', FIRST.replace('r=rOpr', 'r=xOpr'), 'does not answer with our nonce'],
    ['our nonce alone', 'r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096', 'does not answer with our nonce'],
    ['few iterations', FIRST.replace('i=4096', 'i=1'), 'asks for 1 iterations'],
    ['very many iterations', FIRST.replace('i=4096', 'i=1000000000'), 'asks for 1000000000 iterations'],
    ['nothing', '', 'does not answer with our nonce'],
  ])('does not send a proof to a broker that answers with %s', async (_what, first, problem) => {
    const { got, exchange } = answering(first)
    const login = scramLogin('SCRAM-SHA-256', 'user', PASSWORD, 'rOprNGfwEbeRWgbNEkqO')
    await expect(login.authenticate(exchange)).rejects.toThrow(problem)
    expect(got).toHaveLength(1)
  })
})

describe('OAUTHBEARER', () => {
  test('sends the token', async () => {
    const { got, exchange } = answering('')
    await bearerLogin('abc').authenticate(exchange)
    expect(got).toEqual(['n,,\u0001auth=Bearer abc\u0001\u0001'])
  })

  test('recognises a refusal, which comes as a message without an error code, and acknowledges it', async () => {
    const { got, exchange } = answering('{"status":"invalid_token"}')
    await expect(bearerLogin('abc').authenticate(exchange)).rejects.toThrow(
      'the broker rejected the token: {"status":"invalid_token"}',
    )
    expect(got).toHaveLength(2)
  })
})
