import { EVENT_DEAD_LETTER_REASONS } from '../processor/fold-batch.ts'
import { DEAD_LETTER_REASONS } from '../providers/provider.ts'

/** Why a dead letter stays open after a redrive, besides the reasons for which a stage writes one. */
export const STAYS_REASONS = {
  forgotten: 'the data key of the body was forgotten, so the body can never be read again: close it',
  'key-missing':
    'the body is encrypted and its key is not available: configure the key-encryption key, or restore the topic of the data keys',
  'schema-unknown': 'the schema id of the record does not lead to a schema of ours: restore the registry, or close it',
  'redriven-too-often':
    'its events were published several times and became dead letters again: fix the cause, then redrive with --again',
} as const

/** Every reason that an open dead letter can have. A closed list, because the reasons are label values of a metric. */
export const OPEN_LETTER_REASONS: readonly string[] = Object.keys({
  ...DEAD_LETTER_REASONS,
  ...EVENT_DEAD_LETTER_REASONS,
  ...STAYS_REASONS,
})
