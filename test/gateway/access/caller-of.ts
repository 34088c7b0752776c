import { randomBytes } from 'node:crypto'
import { LiveFiles } from '../../../src/config/live-files.ts'
import type { Secret } from '../../../src/config/secret.ts'
import type { Caller } from '../../../src/gateway/access/caller.ts'

/** A caller that presents only what the test gives. */
export function callerOf(shown: Partial<Caller> = {}): Caller {
  return { headers: {}, address: null, pathToken: null, certificate: null, ...shown }
}

export function secret(value: string): Secret {
  return { value, file: null }
}

export function randomSecret(): string {
  return randomBytes(24).toString('base64url')
}

/** For requirements without files. */
export function noFiles(): LiveFiles {
  return new LiveFiles({ info: () => {}, warn: () => {} }, 1_000)
}
