import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { SecretError, type SecretReader } from './secret-reader.ts'

/** TLS settings of a connection to a server. Without `caFile`, the CAs of Node.js are trusted. */
export interface TlsFiles {
  readonly caFile?: string | undefined
  /** Client certificate, for servers that request one; requires `keyFile`. */
  readonly certificateFile?: string | undefined
  readonly keyFile?: string | undefined
  readonly keyPassword?: SecretReader | undefined
  /** The name that the server's certificate must carry, if it differs from the host in the address. */
  readonly serverName?: string | undefined
}

export interface TlsClientOptions extends SecureContextOptions {
  readonly minVersion: 'TLSv1.2'
  /** No setting disables verification: an unverified connection does not authenticate the server. */
  readonly rejectUnauthorized: true
  readonly servername?: string
}

/**
 * Reads the files and returns the options of a TLS connection. A replaced certificate takes effect with the next connection.
 * Throws SecretError, which names the file.
 */
export function tlsOptionsOf(tls: TlsFiles): TlsClientOptions {
  const options: TlsClientOptions = {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(tls.caFile !== undefined && { ca: read(tls.caFile) }),
    ...(tls.certificateFile !== undefined && { cert: read(tls.certificateFile) }),
    ...(tls.keyFile !== undefined && { key: read(tls.keyFile) }),
    ...(tls.keyPassword !== undefined && { passphrase: tls.keyPassword() }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
  }
  try {
    // Reports a wrong file by name now; the error of a failed connection would not name it.
    createSecureContext(options)
  } catch (error) {
    const files = [tls.caFile, tls.certificateFile, tls.keyFile].filter((file) => file !== undefined)
    throw new SecretError(`${files.join(', ')}: not a valid set of certificates and keys (${(error as Error).message})`)
  }
  return options
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new SecretError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
