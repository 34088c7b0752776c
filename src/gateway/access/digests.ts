import { hash, timingSafeEqual } from 'node:crypto'
import type { Live, LiveFiles } from '../../config/live-files.ts'
import { type Secret, secretOf } from '../../config/secret.ts'

/** Hashing both sides makes them the same length, whatever the caller sent. */
export function digestOf(bytes: Buffer | string): Buffer {
  return hash('sha256', bytes, 'buffer')
}

/** Whether one of the digests is that of `bytes`. Compares with all of them, so the time taken reveals nothing. */
export function matchesOne(bytes: Buffer | string, digests: readonly Buffer[]): boolean {
  const digest = digestOf(bytes)
  let matches = false
  for (const expected of digests) {
    matches = timingSafeEqual(digest, expected) || matches
  }
  return matches
}

/** Applies `make` to every secret, and again when one of their files changes. Throws on an empty secret. */
export function liveSecrets<T>(
  files: LiveFiles,
  what: string,
  secrets: readonly Secret[],
  make: (secret: string) => T,
): Live<readonly T[]> {
  const paths = secrets.flatMap(({ file }) => (file === null ? [] : [file]))
  return files.load(what, paths, (contents) => {
    let next = 0
    return secrets.map(({ value, file }) => {
      const text = file === null ? value : secretOf(contents[next++] as Buffer)
      if (text === '') {
        throw new Error('a secret is empty')
      }
      return make(text)
    })
  })
}
