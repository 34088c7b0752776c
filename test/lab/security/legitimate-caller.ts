import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { SimulatedSource } from '../../../src/tools/simulate/simulate.ts'

/** Loopback has many addresses: attackers come from 127.0.0.1. */
const ADDRESS = '127.0.0.2'
const GAP_MS = 100
/** As long as J.P. Morgan waits. */
const TIMEOUT_MS = 3_000

/** A provider that calls ten times a second throughout, from its own address, and counts any answer but success as refused. */
export class LegitimateCaller {
  sent = 0
  answered = 0
  refused = 0
  readonly #ms: number[] = []
  readonly #source: SimulatedSource
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: ADDRESS })
  #stopping = false
  #done: Promise<void> = Promise.resolve()

  private constructor(source: SimulatedSource) {
    this.#source = source
  }

  static start(source: SimulatedSource): LegitimateCaller {
    const caller = new LegitimateCaller(source)
    caller.#done = caller.#callOn()
    return caller
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#done
    this.#agent.destroy()
  }

  percentileMs(percent: number): number {
    const sorted = this.#ms.toSorted((a, b) => a - b)
    return Math.round(sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0)
  }

  async #callOn(): Promise<void> {
    while (!this.#stopping) {
      const startedAt = performance.now()
      const code = await this.#call()
      this.sent += 1
      if (code === this.#source.successCode) {
        this.answered += 1
        this.#ms.push(performance.now() - startedAt)
      } else {
        this.refused += 1
      }
      await delay(GAP_MS)
    }
  }

  #call(): Promise<number | null> {
    return new Promise((resolve) => {
      const outgoing = request(
        this.#source.url,
        {
          method: 'POST',
          agent: this.#agent,
          timeout: TIMEOUT_MS,
          headers: { 'content-type': 'application/json', ...this.#source.headers },
        },
        (response) => {
          response.resume()
          response.on('end', () => resolve(response.statusCode ?? null))
          response.on('error', () => resolve(null))
        },
      )
      outgoing.on('timeout', () => outgoing.destroy())
      outgoing.on('error', () => resolve(null))
      outgoing.end(`{"callbacks":[],"n":${this.sent}}`)
    })
  }
}
