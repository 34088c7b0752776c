import { lookup } from 'node:dns/promises'

/** What a process says about itself at `/health/ready`. */
export interface ProcessHealth {
  readonly url: string
  /** Null if it did not answer. */
  readonly ready: boolean | null
  /** What is not ready, and why, or why it did not answer. */
  readonly reasons: readonly string[]
}

type Components = Readonly<Record<string, { readonly ok: boolean; readonly reason?: string }>>

const TIMEOUT_MS = 3_000

/** Never rejects: a process that does not answer is a result. */
export async function readHealth(url: string): Promise<ProcessHealth> {
  try {
    const response = await fetch(new URL('/health/ready', url), { signal: AbortSignal.timeout(TIMEOUT_MS) })
    const { ready, components } = (await response.json()) as { ready: boolean; components: Components }
    return { url, ready, reasons: reasonsIn(components) }
  } catch (error) {
    const { code } = ((error as Error).cause ?? error) as { code?: string }
    return { url, ready: null, reasons: [`does not answer (${code ?? (error as Error).name})`] }
  }
}

/** Of every process behind a name, with its address: in Kubernetes, one name stands for all pods. Never rejects. */
export async function readHealths(
  url: string,
  addressesOf: (name: string) => Promise<readonly { readonly address: string; readonly family: number }[]> = (name) =>
    lookup(name, { all: true }),
): Promise<readonly ProcessHealth[]> {
  const { hostname, port } = new URL(url)
  const addresses = await addressesOf(hostname.replace(/^\[(.*)\]$/, '$1')).catch(() => [])
  if (addresses.length <= 1) {
    return [await readHealth(url)]
  }
  const own = addresses.map(({ address, family }) => (family === 6 ? `[${address}]` : address))
  return Promise.all(own.map((host) => readHealth(`http://${host}${port === '' ? '' : `:${port}`}`)))
}

/** What is not ready, and why. */
export function reasonsIn(components: Components = {}): readonly string[] {
  return Object.entries(components).flatMap(([name, { ok, reason }]) =>
    ok ? [] : [`${name}: ${reason ?? 'not ready'}`],
  )
}
