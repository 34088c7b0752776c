import { InvalidArgumentError, Option } from 'commander'
import { systemUser } from '../system-user.ts'
import { BY_LENGTH_MAX, REASON_LENGTH_MAX } from '../tools/audit/audit-record.ts'

/** The options of commands that change something; both go into the audit trail. */
export interface ActOptions {
  readonly by: string
  readonly reason?: string
}

export function byOption(): Option {
  return new Option('--by <name>', 'who does this, for the audit trail')
    .argParser(textUpTo(BY_LENGTH_MAX))
    .default(systemUser(), 'the current user')
}

export function reasonOption(): Option {
  return new Option('--reason <text>', 'why, for the audit trail; no personal data').argParser(
    textUpTo(REASON_LENGTH_MAX),
  )
}

function textUpTo(lengthMax: number): (text: string) => string {
  return (text) => {
    if (text.trim() === '' || text.length > lengthMax) {
      throw new InvalidArgumentError(`must have 1 to ${lengthMax} characters.`)
    }
    return text
  }
}
