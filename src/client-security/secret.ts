import { readFileSync } from 'node:fs'

/**
 * Gives a secret as it is now. Whoever connects asks again, so that a new password in the same file counts from the next
 * connection on and rotation needs no restart. Throws SecretError.
 */
export type Secret = () => string

/** Where a secret is kept: exactly one of the two. */
export interface SecretPlace {
  readonly file?: string | undefined
  readonly env?: string | undefined
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

export function secretFrom(place: SecretPlace, env: Readonly<Record<string, string | undefined>>): Secret {
  const { file, env: variable } = place
  return () => {
    if ((file === undefined) === (variable === undefined)) {
      throw new SecretError('give either file or env')
    }
    if (file !== undefined) {
      return notEmpty(readSecretFile(file), `the secret file ${file} is empty`)
    }
    return notEmpty(env[variable ?? ''] ?? '', `the variable ${variable} is empty or not set`)
  }
}

function readSecretFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
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
