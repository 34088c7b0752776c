import { writeFileSync } from 'node:fs'
import { RECORDS_FILE, SCHEMAS } from './inputs.ts'
import { recordsOf } from './records-of.ts'

writeFileSync(RECORDS_FILE, recordsOf(SCHEMAS))
