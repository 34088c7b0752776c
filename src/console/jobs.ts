import { shortReason } from '../stream/short-reason.ts'

export type JobKind = 'redrive' | 'close' | 'reprocess' | 'drift' | 'scorecard'

/** Work that takes longer than a request may. `result` is what it has found so far, or found. */
export interface Job<T = unknown> {
  readonly id: string
  readonly kind: JobKind
  /** What it does, in words. */
  readonly title: string
  readonly by: string
  readonly startedAt: number
  readonly endedAt: number | null
  readonly state: 'running' | 'done' | 'failed'
  /** The last thing it said about its progress. */
  readonly progress: string
  readonly error: string | null
  readonly result: T | null
}

export interface JobsOptions {
  readonly newId: () => string
  /** ms since the epoch. */
  readonly now: () => number
  /** For the person; must not quote bodies. */
  readonly messageOf?: (error: Error) => string
}

/** Jobs that are remembered, with their results (I10). */
const JOBS_MAX = 20

export class JobBusyError extends Error {
  readonly code = 'JOB_BUSY'
  readonly job: Job

  constructor(job: Job) {
    super(`${job.title} is still running; wait until it ends`)
    this.name = 'JobBusyError'
    this.job = job
  }
}

/** Runs one job of each kind at a time, because each may read whole topics. Jobs live in memory: a restart forgets them. */
export class Jobs {
  readonly #options: JobsOptions
  readonly #jobs = new Map<string, Job>()
  readonly #stopped = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(options: JobsOptions) {
    this.#options = options
  }

  find(id: string): Job | null {
    return this.#jobs.get(id) ?? null
  }

  /** The latest job of a kind. */
  latest(kind: JobKind): Job | null {
    return [...this.#jobs.values()].findLast((job) => job.kind === kind) ?? null
  }

  /** Throws JobBusyError if one of the same kind is running. */
  start<T>(
    kind: JobKind,
    title: string,
    by: string,
    work: (signal: AbortSignal, tell: (progress: string, result: T | null) => void) => Promise<T>,
  ): Job {
    const busy = [...this.#jobs.values()].find((job) => job.kind === kind && job.state === 'running')
    if (busy !== undefined) {
      throw new JobBusyError(busy)
    }
    const { newId, now, messageOf = (error) => shortReason(error) } = this.#options
    const id = newId()
    const update = (changed: Partial<Job>) => {
      const job = this.#jobs.get(id)
      if (job !== undefined) {
        this.#jobs.set(id, { ...job, ...changed })
      }
    }
    const base = { endedAt: null, state: 'running', progress: '', error: null, result: null } as const
    this.#jobs.set(id, { id, kind, title, by, startedAt: now(), ...base })
    this.#forgetOld()
    const run = work(this.#stopped.signal, (progress, result) =>
      update(result === null ? { progress } : { progress, result }),
    )
      .then(
        (result) => update({ state: 'done', result, endedAt: now() }),
        (error: Error) => update({ state: 'failed', error: messageOf(error), endedAt: now() }),
      )
      .finally(() => this.#running.delete(run))
    this.#running.add(run)
    return this.#jobs.get(id) as Job
  }

  /** Aborts what runs, and waits for it. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.all(this.#running)
  }

  #forgetOld(): void {
    for (const { id, state } of this.#jobs.values()) {
      if (this.#jobs.size > JOBS_MAX && state !== 'running') {
        this.#jobs.delete(id)
      }
    }
  }
}
