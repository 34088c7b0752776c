import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { id_kp_serverAuth } from '@peculiar/asn1-x509'
import { certificate, type Issued, rootCa } from '../../pki/certificate-authority.ts'

/** The name on a gateway's certificate. */
export const GATEWAY_NAME = 'gateway.test'

/** Files that a gateway reads, made for one run. */
export class TlsFiles {
  /** Of the gateway's own certificate. */
  readonly ca: Issued
  /** What `gateway.tls` says. */
  readonly tls: { readonly certificate: string; readonly key: string }
  readonly #directory = mkdtempSync(join(tmpdir(), 'paystatus-tls-'))

  constructor() {
    this.ca = rootCa('CN=Server CA')
    const server = certificate(`CN=${GATEWAY_NAME}`, this.ca, {
      extendedKeyUsage: [id_kp_serverAuth],
      names: [{ dNSName: GATEWAY_NAME }],
    })
    this.tls = { certificate: this.write(server.pem), key: this.write(server.keyPem) }
  }

  /** The path of a file with this content. */
  write(content: string): string {
    const path = join(this.#directory, randomUUID())
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true })
  }
}
