import type { Command } from 'commander'
import { sleep } from '../sleep.ts'
import { findLag, lagDocument, lagLines } from '../tools/lag.ts'
import { interruptedOrUnread, type JsonOption, print, setUp } from './command-line.ts'
import { durationMs } from './option-values.ts'

interface LagOptions extends JsonOption {
  readonly watch?: number | true
}

const WATCH_MS = 2_000
/** Moves to the top of the terminal and erases what is below. */
const CLEAR = '\u001b[H\u001b[J'

export function addLag(program: Command): void {
  program
    .command('lag')
    .description('show how far the stages are behind, in records and in time, per partition')
    .option('--watch [interval]', 'repeat until interrupted, every 2s by default', durationMs)
    .option('--json', 'print one JSON document, with --watch one per line')
    .action((options: LagOptions) => lag(program, options))
}

async function lag(program: Command, { watch, json }: LagOptions): Promise<void> {
  const { config, logger } = setUp(program, 'kafka')
  const signal = interruptedOrUnread()
  do {
    const lags = await findLag(config, logger, signal)
    if (watch !== undefined && !json && process.stdout.isTTY) {
      process.stdout.write(CLEAR)
    }
    print(json, lagDocument(lags), lagLines(lags))
  } while (watch !== undefined && (await isStillWatched(watch === true ? WATCH_MS : watch, signal)))
}

function isStillWatched(intervalMs: number, signal: AbortSignal): Promise<boolean> {
  return sleep(intervalMs, signal).then(
    () => true,
    () => false,
  )
}
