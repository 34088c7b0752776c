/** The part of `process` used here. */
export interface SignalSource {
  readonly pid: number
  on(signal: NodeJS.Signals, listener: () => void): unknown
  listenerCount(signal: NodeJS.Signals): number
  exit(code: number): void
}

/** 128 + the signal number, as shells report it. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const satisfies Partial<Record<NodeJS.Signals, number>>

/**
 * Makes SIGINT and SIGTERM work in the first process of a container.
 *
 * The kernel ignores a signal to process 1 that has no handler, so `docker stop` would time out and kill the process. With
 * this handler a signal ends the process unless another listener handles it: stages drain, `tail` deletes its group.
 * Without an init, orphaned processes are not reaped, but this process starts none. Call it before other listeners are added.
 */
export function answerSignalsAsFirstProcess(source: SignalSource): void {
  if (source.pid !== 1) {
    return
  }
  for (const [signal, exitCode] of Object.entries(EXIT_CODES) as [NodeJS.Signals, number][]) {
    source.on(signal, () => {
      if (source.listenerCount(signal) === 1) {
        source.exit(exitCode)
      }
    })
  }
}
