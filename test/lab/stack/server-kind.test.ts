import { expect, test } from 'vitest'
import { IMAGES, imageOf } from '../../../packages/testcontainers/src/images.ts'
import { serverKind } from './server-kind.ts'

test('STACK decides between packages and containers, and other values are refused', async () => {
  expect(await serverKind({ STACK: 'packages' })).toBe('packages')
  expect(await serverKind({ STACK: 'containers' })).toBe('containers')
  await expect(serverKind({ STACK: 'podman' })).rejects.toThrow(
    'STACK=podman: must be packages or containers, or not set',
  )
})

test('every image can be replaced, and an empty variable changes nothing', () => {
  expect(imageOf('kafka', { PAYSTATUS_KAFKA_IMAGE: 'mirror/kafka:1' })).toBe('mirror/kafka:1')
  expect(imageOf('kafka', { PAYSTATUS_KAFKA_IMAGE: '' })).toBe(IMAGES.kafka.image)
  expect(imageOf('redis', {})).toBe(IMAGES.redis.image)
})
