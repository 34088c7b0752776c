import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { SecretError, type SecretReader } from '../client-security/secret-reader.ts'
import { checked, type Problems } from './problems.ts'

/** Also for keys that are not known: `{ secret }` is a mapping with the secret as its key. */
const NOT_INLINE = 'must be { file: … } or { env: … }, which say where the secret is; never the secret itself'

/** Where a secret is kept: exactly one of the two. The YAML itself never contains it. */
export const SECRET_SCHEMA = z.strictObject(
  {
    file: z.string().min(1).optional(),
    env: z.string().min(1).optional(),
  },
  NOT_INLINE,
)
export type SecretPlace = z.infer<typeof SECRET_SCHEMA>
/** One secret, or several that are valid at the same time, for rotation. */
export const SECRETS_SCHEMA = z.union(
  [SECRET_SCHEMA, z.array(SECRET_SCHEMA).min(1).max(10)],
  `${NOT_INLINE}; or a list of 1 to 10 of these`,
)

type Environment = Readonly<Record<string, string | undefined>>

/** A secret as read at the start, for code that watches its file. */
export interface Secret {
  readonly value: string
  /** Null for the environment, which cannot change. */
  readonly file: string | null
}

export function secretFrom({ file, env: variable }: SecretPlace, env: Environment): SecretReader {
  return () => {
    if ((file === undefined) === (variable === undefined)) {
      throw new SecretError('give either file or env')
    }
    return file === undefined
      ? notEmpty(env[variable ?? ''] ?? '', `the variable ${variable} is empty or not set`)
      : notEmpty(secretOf(readSecretFile(file)), `the secret file ${file} is empty`)
  }
}

/** Reads one secret or several; an unreadable one becomes a problem and is left out. */
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

/** The content of a secret file without surrounding white space, such as the line break that editors append. */
export function secretOf(content: Buffer): string {
  return content.toString('utf8').trim()
}

function readSecret(place: SecretPlace, where: string, env: Environment, problems: Problems): Secret[] {
  const value = checked(where, problems, secretFrom(place, env))
  return value === undefined ? [] : [{ value, file: place.file ?? null }]
}

function readSecretFile(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new SecretError(`the secret file ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

function notEmpty(value: string, problem: string): string {
  if (value === '') {
    throw new SecretError(problem)
  }
  return value
}
