import type { NoView } from '../tools/show.ts'
import { EXIT_FAILED } from './command-line.ts'

export interface FindOptions {
  readonly fromTopic?: boolean
}

const NO_VIEW: Readonly<Record<NoView, string>> = {
  'no-answer': 'Redis does not answer, or its view cannot be read',
  incomplete: 'the view in Redis is not complete: it is being rebuilt, or the configuration names another installation',
}

/** Says so before the topic is read for want of the view. */
export function reportNoView(why: NoView): void {
  process.stderr.write(`${NO_VIEW[why]}; reading payments.status.current instead\n`)
}

/** Says so when nothing was found, which is exit code 1. */
export function reportFound(count: number): void {
  if (count === 0) {
    process.stderr.write('no payment with this key, provider id or endToEndId\n')
    process.exitCode = EXIT_FAILED
  }
}
