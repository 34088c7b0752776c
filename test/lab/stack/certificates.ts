import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from './run-command.ts'

/** PEM files. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

/** A certificate authority for the duration of a test. */
export class CertificateAuthority {
  readonly certificate: string
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
    this.certificate = join(directory, 'ca.pem')
  }

  static async create(directory: string): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(directory)
    await authority.#openssl('req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test CA')
    return authority
  }

  /** For a server on 127.0.0.1, and for a client. */
  async issue(name: string): Promise<CertificateFiles> {
    const extensions = join(this.#directory, `${name}.ext`)
    await writeFile(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n')
    await this.#openssl('req', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', extensions]
    await this.#openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-out', `${name}.pem`)
    return { certificate: join(this.#directory, `${name}.pem`), key: join(this.#directory, `${name}.key`) }
  }

  async #openssl(...args: string[]): Promise<void> {
    const files = new Set(['-keyout', '-out', '-in', '-CA', '-CAkey'])
    const placed = args.map((arg, index) =>
      files.has(args[index - 1] ?? '') && !arg.startsWith('-') ? join(this.#directory, arg) : arg,
    )
    const { ok, output } = await runCommand(['openssl', ...placed])
    if (!ok) throw new Error(`openssl is missing or failed (Debian: apt-get install openssl):\n${output}`)
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
