/**
 * Signature algorithms that a certificate or CRL may use, with the name of their hash for Node's `verify` (null: part of the
 * algorithm). SHA-1 and MD5 are excluded on purpose, and so is RSASSA-PSS, whose hash is in its parameters.
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

/** Undefined if the algorithm is not accepted. */
export function hashOfSignature(algorithm: string): string | null | undefined {
  return HASH_BY_ALGORITHM.get(algorithm)
}
