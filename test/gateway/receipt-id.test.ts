import { describe, expect, it } from 'vitest'
import { receiptIds } from '../../src/gateway/receipt-id.ts'

describe('receiptIds', () => {
  it('makes unique ids of version 7, over many refills of its pool', () => {
    const next = receiptIds()
    const ids = Array.from({ length: 5_000 }, next)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }
  })

  it('orders ids of different milliseconds by time', async () => {
    const next = receiptIds()
    const first = next()
    const started = Date.now()
    while (Date.now() < started + 2) {
      // Two milliseconds later.
    }
    expect(next() > first).toBe(true)
  })
})
