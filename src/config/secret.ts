import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { checked, type Problems } from './problems.ts'

/** Where a secret is kept: exactly one of the two, and never the YAML itself. */
export const SECRET_SCHEMA = z.strictObject({
  file: z.string().min(1).optional(),
  env: z.string().min(1).optional(),
})
export type SecretPlace = z.infer<typeof SECRET_SCHEMA>
/** One, or several that are valid at once, as while one is replaced. */
export const SECRETS_SCHEMA = z.union([SECRET_SCHEMA, z.array(SECRET_SCHEMA).min(1).max(10)])

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Gives a secret as it is now. Whoever connects asks again, so that a new password in the same file counts from the next
 * connection on and rotation needs no restart. Throws SecretError.
 */
export type SecretReader = () => string

/** A secret as it was read at the start, for whoever watches its file. */
export interface Secret {
  readonly value: string
  /** Null if it came from the environment, which cannot change. */
  readonly file: string | null
}

/** A secret cannot be had. The message names its place and never its value. */
export class SecretError extends Error {
  readonly code = 'SECRET_UNREADABLE'
  readonly retriable = true

  constructor(problem: string) {
    super(problem)
    this.name = 'SecretError'
  }
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

/** A secret file's content is the secret, without the line break that editors leave at its end. */
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
