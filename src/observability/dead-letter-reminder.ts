import type { DeadLetterBoard } from './dead-letter-board.ts'
import type { Logger } from './log.ts'

const EVERY_MS = 60_000

/** One line a minute for as long as dead letters are open. Returns the function that ends it. */
export function remindOfDeadLetters(board: DeadLetterBoard, logger: Pick<Logger, 'warn'>): () => void {
  const reminder = setInterval(() => {
    const waiting = board.waiting()
    if (waiting !== null) {
      logger.warn(waiting, 'dead letters need a decision: see paystatus dlq list')
    }
  }, EVERY_MS)
  reminder.unref()
  return () => clearInterval(reminder)
}
