import { describe, expect, test } from 'vitest'
import { ChangeLog } from '../src/change-log.ts'

const line = (paymentKey: string, statusAfter: string) => `${JSON.stringify({ paymentKey, statusAfter })}\n`

describe('the change log', () => {
  test('reads changes from output in arbitrary pieces and ignores other lines', () => {
    const log = new ChangeLog()
    const output = `a warning\n${line('a:1', 'RECEIVED')}{"level":30}\n{broken\n${line('a:1', 'COMPLETED')}${line('a:2', 'REJECTED')}`
    for (const character of output) {
      log.write(character)
    }
    expect(log.of('a:1').map(({ statusAfter }) => statusAfter)).toEqual(['RECEIVED', 'COMPLETED'])
    expect(log.of('a:2')).toHaveLength(1)
  })

  test('waits for a status, and finds one that was published before', async () => {
    const log = new ChangeLog()
    const later = log.awaitStatus('a:1', 'COMPLETED', 10_000)
    log.write(line('a:2', 'COMPLETED'))
    log.write(line('a:1', 'RECEIVED'))
    log.write(line('a:1', 'COMPLETED'))
    log.write(line('a:1', 'RETURNED'))
    expect(await later).toMatchObject({ paymentKey: 'a:1', statusAfter: 'COMPLETED' })
    expect(await log.awaitStatus('a:1', 'RECEIVED', 10_000)).toMatchObject({ statusAfter: 'RECEIVED' })
  })

  test('waits for a change that fits', async () => {
    const log = new ChangeLog()
    const awaited = log.awaitChange('a:1', ({ verdict }) => verdict === 'RESTATED', 10_000)
    log.write(line('a:1', 'COMPLETED'))
    log.write(`${JSON.stringify({ paymentKey: 'a:2', statusAfter: 'COMPLETED', verdict: 'RESTATED' })}\n`)
    log.write(`${JSON.stringify({ paymentKey: 'a:1', statusAfter: 'REJECTED', verdict: 'RESTATED' })}\n`)
    expect(await awaited).toMatchObject({ paymentKey: 'a:1', statusAfter: 'REJECTED' })
    await expect(log.awaitChange('a:1', () => false, 10)).rejects.toThrow(
      'a:1 was not as awaited within 10 ms: its statuses were COMPLETED, REJECTED',
    )
  })

  test('lists the published statuses when the awaited one does not arrive', async () => {
    const log = new ChangeLog()
    log.write(line('a:1', 'RECEIVED'))
    log.write(line('a:1', 'REJECTED'))
    await expect(log.awaitStatus('a:1', 'COMPLETED', 10)).rejects.toThrow(
      'a:1 was not COMPLETED within 10 ms: its statuses were RECEIVED, REJECTED',
    )
    await expect(log.awaitStatus('a:9', 'COMPLETED', 10)).rejects.toThrow('nothing was published about it')
  })
})
