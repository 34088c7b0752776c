/** A request was not answered in time and kafkajs did not report it; the outcome is unknown. */
class RequestDeadlineError extends Error {
  readonly code = 'REQUEST_DEADLINE'
  readonly retriable = true

  constructor(deadlineMs: number) {
    super(`no answer from the broker within ${deadlineMs} ms`)
    this.name = 'RequestDeadlineError'
  }
}

/**
 * Puts a deadline of our own on a call into kafkajs: a connection that ends at the wrong moment can leave one of its
 * promises, and every caller that awaits it, pending forever.
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
