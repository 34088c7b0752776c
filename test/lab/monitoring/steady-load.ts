import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { SimulatedSource } from '../../../src/tools/simulate/simulate.ts'
import { benchCallback } from '../bench/callbacks.ts'

const EVERY_MS = 500
const INSTAMED_SALE = JSON.stringify(
  JSON.parse(readFileSync(new URL('../../providers/instamed/fixtures/array.json', import.meta.url), 'utf8'))[0],
)

/** Each source reports a new payment twice a second, and nothing that anybody would have to look at. */
export class SteadyLoad {
  readonly #sources: readonly SimulatedSource[]
  readonly #silent = new Set<string>()
  readonly #stopped = new AbortController()
  readonly #running: Promise<void>[]

  constructor(sources: readonly SimulatedSource[]) {
    this.#sources = sources
    this.#running = sources.map((source) => this.#send(source))
  }

  silence(source: string): void {
    this.#silent.add(source)
  }

  resume(source: string): void {
    this.#silent.delete(source)
  }

  /** Posts one callback; resolves with the code of the answer. */
  async post(source: string, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Promise<number> {
    const to = this.#sources.find(({ id }) => id === source)
    if (to === undefined) {
      throw new Error(`no source ${source}`)
    }
    const response = await fetch(to.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...to.headers, ...headers },
      body,
    })
    await response.arrayBuffer()
    return response.status
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.all(this.#running)
  }

  async #send({ id }: SimulatedSource): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      if (!this.#silent.has(id)) {
        // A refusal is the business of the drill.
        await this.post(id, bodyFor(id)).catch(() => {})
      }
      await delay(EVERY_MS, null, { signal }).catch(() => {})
    }
  }
}

function bodyFor(source: string): string | Buffer {
  const id = randomUUID()
  switch (source) {
    case 'jpm-v1':
      return v1Body(id, 'COMPLETED')
    case 'jpm-v2':
      return benchCallback(id, 2)
    default:
      return INSTAMED_SALE.replaceAll('00000000000000000000000000000001', id.replaceAll('-', ''))
  }
}

export function v1Body(id: string, status: string, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    callbacks: [{ firmRootId: id, endToEndId: `E2E${id.slice(0, 8)}`, paymentStatus: status, ...more }],
  })
}
