/** A certificate, key, CRL or pin that cannot be used. The message says what is wrong and never quotes a key. */
export class PkiError extends Error {
  readonly code = 'PKI_INVALID'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PkiError'
  }
}
