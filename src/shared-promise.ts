/** `load` for any number of callers: called at the first call, shared afterwards, and called again after it rejected. */
export function sharedPromise<T>(load: () => Promise<T>): () => Promise<T> {
  let shared: Promise<T> | undefined
  return () => {
    shared ??= load().catch((error: unknown) => {
      shared = undefined
      throw error
    })
    return shared
  }
}
