import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { SecretError, type SecretReader } from './secret-reader.ts'

/** How we speak TLS to a server. Without a CA of its own, those that Node.js knows are trusted. */
export interface TlsFiles {
  readonly caFile?: string | undefined
  /** Our own certificate, for a server that asks for one; with `keyFile`. */
  readonly certificateFile?: string | undefined
  readonly keyFile?: string | undefined
  readonly keyPassword?: SecretReader | undefined
  /** The name that the server's certificate must carry, if it is not the one we connect to. */
  readonly serverName?: string | undefined
}

export interface TlsClientOptions extends SecureContextOptions {
  readonly minVersion: 'TLSv1.2'
  /** There is no setting that accepts any certificate: such a connection proves nothing about who answers. */
  readonly rejectUnauthorized: true
  readonly servername?: string
}

/**
 * The options of a TLS connection, read from the files as they are now: a new certificate counts from the next connection
 * on. Throws SecretError, which names the file.
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
    // Says now what is wrong with a file; a connection would only say that it failed.
    createSecureContext(options)
  } catch (error) {
    const files = [tls.caFile, tls.certificateFile, tls.keyFile].filter((file) => file !== undefined)
    throw new SecretError(`${files.join(', ')}: no certificates that go together (${(error as Error).message})`)
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
