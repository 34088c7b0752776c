/**
 * Returns a secret as it is now. Every new connection asks again, so a changed file takes effect without a restart.
 * Throws SecretError.
 */
export type SecretReader = () => string

/** A secret is unavailable. The message says where it is kept, never its value. */
export class SecretError extends Error {
  readonly code = 'SECRET_UNREADABLE'
  readonly retriable = true

  constructor(problem: string) {
    super(problem)
    this.name = 'SecretError'
  }
}
