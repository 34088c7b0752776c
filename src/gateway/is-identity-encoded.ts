/**
 * Whether the Content-Encoding header names no compression. A compressed body is refused: providers send none, and nothing
 * here ever decompresses. A value that is not a coding that changes bytes (`UTF-8`, `none`, `binary`) is a harmless mistake.
 */
export function isIdentityEncoded(contentEncoding: string | undefined): boolean {
  return !(contentEncoding ?? '')
    .toLowerCase()
    .split(/[\s,;]+/)
    .some((coding) => COMPRESSIONS.test(coding))
}

/** The registered content codings that change the bytes, and others in use. */
const COMPRESSIONS =
  /^(?:(?:x-)?(?:gzip|compress|deflate|bzip2?|lzma|xz|zip|snappy|lz4|zstd)|br|brotli|dcb|dcz|zlib|exi|pack200-gzip|aes128gcm)$/
