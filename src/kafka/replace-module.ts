import { createRequire } from 'node:module'

export const require = createRequire(import.meta.url)

/** Replaces the exports of a kafkajs module, for every module loaded afterwards. */
export function replaceModule(path: string, replacement: (original: unknown) => unknown): void {
  const resolved = require.resolve(path)
  require(resolved)
  const loaded = require.cache[resolved]
  if (loaded === undefined) {
    throw new Error(`kafkajs has no ${path}: pin kafkajs 2.2.4`)
  }
  loaded.exports = replacement(loaded.exports)
}
