import { expect, test } from 'vitest'
import { open } from '../src/client.ts'

test('brokers that cannot be reached are an error that names them', async () => {
  const opening = open({
    brokers: ['127.0.0.1:1'],
    registry: 'http://127.0.0.1:1',
    groupId: 'g',
    kafka: { retry: { retries: 0 } },
  })
  await expect(opening).rejects.toMatchObject({
    name: 'ClientError',
    code: 'UNREACHABLE',
    message: expect.stringContaining('cannot use Kafka at 127.0.0.1:1'),
  })
})
