/** A request got no answer in time, although kafkajs should have said so; the outcome is unknown. */
class RequestDeadlineError extends Error {
  readonly code = 'REQUEST_DEADLINE'
  readonly retriable = true

  constructor(deadlineMs: number) {
    super(`no answer from the broker within ${deadlineMs} ms`)
    this.name = 'RequestDeadlineError'
  }
}

/**
 * A deadline of our own for a call into kafkajs: a connection that ends at the wrong moment can leave one of its
 * promises pending for ever, and whoever waits for it.
 */
export async function within<T>(deadlineMs: number, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RequestDeadlineError(deadlineMs)), deadlineMs)
  })
  try {
    return await Promise.race([call, deadline])
  } finally {
    clearTimeout(timer)
  }
}
