import { expect, test } from 'vitest'
import { KafkaLoginError, protocolError } from '../../src/kafka/client/client-errors.ts'
import { asStop } from '../../src/kafka/errors.ts'
import { DefinedStop } from '../../src/stream/partition-task.ts'

const TOPIC_AUTHORIZATION_FAILED = 29

test('a refusal is a defined stop, also as the cause of another error', () => {
  for (const error of [
    new KafkaLoginError('PLAIN as alice', new Error('wrong password')),
    protocolError(TOPIC_AUTHORIZATION_FAILED),
    new Error('a transaction failed', { cause: protocolError(TOPIC_AUTHORIZATION_FAILED) }),
  ]) {
    expect(asStop(error, 'something')).toBeInstanceOf(DefinedStop)
  }
})

test('a login without credentials to present is no refusal: the broker has judged nothing', () => {
  const unreachable = Object.assign(new Error('the token endpoint does not answer'), { retriable: true })
  const postponed = new KafkaLoginError('OAUTHBEARER', unreachable)
  for (const error of [postponed, new Error('an append failed', { cause: postponed })]) {
    expect(asStop(error, 'something')).toBe(error)
  }
})
