import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Problems } from './problems.ts'

/** A secret as it was read at the start, and where it is read again; never from the YAML itself. */
export interface Secret {
  readonly value: string
  /** Null if it came from the environment, which cannot change. */
  readonly file: string | null
}

const SECRET_SCHEMA = z.strictObject({ file: z.string().optional(), env: z.string().optional() })
/** One, or several that are valid at once, as while one is replaced. */
export const SECRETS_SCHEMA = z.union([SECRET_SCHEMA, z.array(SECRET_SCHEMA).min(1).max(10)])

type Environment = Readonly<Record<string, string | undefined>>

/** Reads one secret or several; what cannot be read is a problem and left out. */
export function readSecrets(
  from: z.infer<typeof SECRETS_SCHEMA>,
  where: string,
  env: Environment,
  problems: Problems,
): Secret[] {
  return Array.isArray(from)
    ? from.flatMap((one, index) => readSecret(one, `${where}.${index}`, env, problems))
    : readSecret(from, where, env, problems)
}

function readSecret(
  from: z.infer<typeof SECRET_SCHEMA>,
  where: string,
  env: Environment,
  problems: Problems,
): Secret[] {
  if ((from.file === undefined) === (from.env === undefined)) {
    problems.push(`${where}: give either file or env`)
    return []
  }
  let value: string | undefined
  try {
    value = from.file === undefined ? env[from.env ?? ''] : secretOf(readFileSync(from.file))
  } catch (error) {
    problems.push(`${where}: the secret file cannot be read (${(error as NodeJS.ErrnoException).code})`)
    return []
  }
  if (value === undefined || value === '') {
    problems.push(`${where}: the secret is empty or its variable is not set`)
    return []
  }
  return [{ value, file: from.file ?? null }]
}

/** A secret file's content is the secret, without the line break that editors leave at its end. */
export function secretOf(content: Buffer): string {
  return content.toString('utf8').trim()
}
