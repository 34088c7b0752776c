import { Agent, request } from 'node:http'
import type { SimulatedSource } from '../../../src/tools/simulate/simulate.ts'
import type { RoleProcess } from './deployment.ts'
import { eventually } from './eventually.ts'

export interface Answer {
  /** 0: the connection broke. */
  readonly code: number
  readonly ms: number
}

/** How long the first success may take once the broker is back. */
export const RECOVERY_MAX_MS = 5_000

/** Sends a number of requests with limited concurrency; returns the answers in order of arrival. */
export async function callMany(
  source: SimulatedSource,
  { requests, atOnce, bodyBytes = 100 }: { requests: number; atOnce: number; bodyBytes?: number },
): Promise<readonly Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const body = Buffer.alloc(bodyBytes, 0x20)
  const answers: Answer[] = []
  let left = requests
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left > 0) {
        left -= 1
        answers.push(await call(agent, source, body))
      }
    }),
  )
  agent.destroy()
  return answers
}

/** Calls until the first success; ms from now until then. Throws if there is none in `timeoutMs`. */
export async function firstSuccessMs(source: SimulatedSource, timeoutMs = RECOVERY_MAX_MS): Promise<number> {
  const startedAt = performance.now()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  await eventually(
    async () => {
      const { code } = await call(agent, source, Buffer.from('{}'))
      if (code !== source.successCode) {
        throw new Error(
          `${Math.round(performance.now() - startedAt)} ms after the broker returned, the answer is still ${code}`,
        )
      }
    },
    { timeoutMs, everyMs: 20 },
  )
  agent.destroy()
  return performance.now() - startedAt
}

export async function residentBytes(process: RoleProcess): Promise<number> {
  return process.metric('process_resident_memory_bytes')
}

function call(agent: Agent, source: SimulatedSource, body: Buffer): Promise<Answer> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const settle = (code: number) => resolve({ code, ms: performance.now() - startedAt })
    const outgoing = request(
      source.url,
      {
        method: 'POST',
        agent,
        headers: { ...source.headers, 'content-type': 'application/json', 'content-length': body.length },
      },
      (response) => {
        response.resume()
        response.on('end', () => settle(response.statusCode ?? 0))
        response.on('error', () => settle(0))
      },
    )
    outgoing.on('error', () => settle(0))
    outgoing.end(body)
  })
}
