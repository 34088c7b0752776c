import type { Callback } from '../../src/providers/provider.ts'

/** A callback with this body and fixed defaults for everything else. */
export function callbackOf(body: string | Buffer | object, overrides: Partial<Callback> = {}): Callback {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return {
    callbackId: '01890000-0000-7000-8000-000000000001',
    source: 'test-source',
    namespace: 'acme',
    currency: 'USD',
    receivedAt: 1_700_000_000_000,
    contentType: 'application/json',
    authenticity: [],
    body: bytes,
    ...overrides,
  }
}
