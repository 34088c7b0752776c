/**
 * Signature algorithms that a certificate or CRL may carry, with what node's `verify` calls their hash (null: the
 * algorithm brings its own). SHA-1 and MD5 are missing on purpose; RSASSA-PSS is too, whose hash hides in parameters.
 */
const HASH_BY_ALGORITHM: ReadonlyMap<string, string | null> = new Map([
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.3.101.112', null],
  ['1.3.101.113', null],
])

/** Undefined for an algorithm that is not accepted. */
export function hashOfSignature(algorithm: string): string | null | undefined {
  return HASH_BY_ALGORITHM.get(algorithm)
}
