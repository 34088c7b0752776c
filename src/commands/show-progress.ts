import { type ComparisonProgress, progressLine } from '../tools/verify/progress-line.ts'

/** Shows progress on standard error. On a terminal the line overwrites itself. */
export function showProgress(progress: ComparisonProgress): void {
  const isEnd = progress.doneShare === 1
  process.stderr.write(
    process.stderr.isTTY ? `${ERASE_LINE}${progressLine(progress)}${isEnd ? '\n' : ''}` : `${progressLine(progress)}\n`,
  )
}

/** Removes the progress line of a terminal, so that output can follow. */
export function hideProgress(): void {
  if (process.stderr.isTTY) {
    process.stderr.write(ERASE_LINE)
  }
}

const ERASE_LINE = '\r\u001b[2K'
