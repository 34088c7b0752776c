import { createRequire } from 'node:module'

export const require = createRequire(import.meta.url)

/** Changes what a module of kafkajs exports, for every module that is loaded after this. */
export function replaceModule(path: string, replacement: (original: unknown) => unknown): void {
  const resolved = require.resolve(path)
  require(resolved)
  const loaded = require.cache[resolved]
  if (loaded === undefined) {
    throw new Error(`kafkajs has no ${path}: pin kafkajs 2.2.4`)
  }
  loaded.exports = replacement(loaded.exports)
}
