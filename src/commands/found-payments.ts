import type { FoundPayments } from '../tools/show.ts'
import { EXIT_FAILED } from './command-line.ts'

export interface FindOptions {
  readonly fromTopic?: boolean
}

/** Says so when Redis did not answer, and when nothing was found, which is exit code 1. */
export function reportFound(count: number, from: FoundPayments['from'], { fromTopic }: FindOptions): void {
  if (from === 'topic' && fromTopic !== true) {
    process.stderr.write('Redis does not answer; read from payments.status.current instead\n')
  }
  if (count === 0) {
    process.stderr.write('no payment with this key, provider id or endToEndId\n')
    process.exitCode = EXIT_FAILED
  }
}
