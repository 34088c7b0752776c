/** What a process says about itself at `/health/ready`. */
export interface ProcessHealth {
  readonly url: string
  /** Null if it did not answer. */
  readonly ready: boolean | null
  /** What is not ready, and why, or why it did not answer. */
  readonly reasons: readonly string[]
}

const TIMEOUT_MS = 3_000

/** Never rejects: a process that does not answer is a result. */
export async function readHealth(url: string): Promise<ProcessHealth> {
  try {
    const response = await fetch(new URL('/health/ready', url), { signal: AbortSignal.timeout(TIMEOUT_MS) })
    const { ready, components } = (await response.json()) as {
      ready: boolean
      components: Record<string, { ok: boolean; reason?: string }>
    }
    const reasons = Object.entries(components).flatMap(([name, { ok, reason }]) =>
      ok ? [] : [`${name}: ${reason ?? 'not ready'}`],
    )
    return { url, ready, reasons }
  } catch (error) {
    const { code } = ((error as Error).cause ?? error) as { code?: string }
    return { url, ready: null, reasons: [`does not answer (${code ?? (error as Error).name})`] }
  }
}
