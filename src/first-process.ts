/** What is needed of `process` here. */
export interface SignalSource {
  readonly pid: number
  on(signal: NodeJS.Signals, listener: () => void): unknown
  listenerCount(signal: NodeJS.Signals): number
  exit(code: number): void
}

/** 128 + the signal's number, as shells report it. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const satisfies Partial<Record<NodeJS.Signals, number>>

/**
 * Makes signals work in the first process of a container.
 *
 * The kernel drops a signal to process 1 that has only its default action, so `docker stop` would wait and then kill.
 * Here a signal ends the process unless somebody else listens to it: stages drain, `tail` ends its group. Without an
 * init nobody collects orphans, but this process starts no others. Call it before anybody else listens.
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
