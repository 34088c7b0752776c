import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Logger } from '../observability/log.ts'

/** A value made from files, and made again when they change. */
export interface Live<T> {
  readonly current: T
}

interface Entry {
  readonly what: string
  readonly files: readonly string[]
  /** Fingerprint of the content tried last, usable or not. */
  tried: string
  stale: boolean
  take(contents: readonly Buffer[]): void
  /** Null: the last good value stays. */
  readonly drop: (() => void) | null
}

/**
 * Reloads files when their content changes: certificates, keys, CRLs, pins, secrets.
 *
 * It compares contents every few seconds. This needs no file system events, so it works with the way Kubernetes replaces
 * mounted files (a symbolic link to a directory changes its target). Unreadable or invalid content changes nothing: the
 * last good value stays in use, unless the value has a `whileUnusable`. One log line says so, and `staleCount` includes it
 * until the file is fixed.
 */
export class LiveFiles {
  readonly #logger: Pick<Logger, 'info' | 'warn'>
  readonly #intervalMs: number
  readonly #entries: Entry[] = []
  #timer: NodeJS.Timeout | null = null
  #checking: Promise<void> | null = null

  constructor(logger: Pick<Logger, 'info' | 'warn'>, intervalMs: number) {
    this.#logger = logger
    this.#intervalMs = intervalMs
  }

  /** The number of values whose files hold newer content that cannot be used. */
  get staleCount(): number {
    return this.#entries.filter(({ stale }) => stale).length
  }

  /**
   * Makes a value from files, now and whenever one of them changes. What `make` throws is thrown now and only logged later,
   * so its messages must not quote file contents. While the files cannot be used later, the value is `whileUnusable` if given.
   */
  load<T>(
    what: string,
    files: readonly string[],
    make: (contents: readonly Buffer[]) => T,
    changed: () => void = () => {},
    whileUnusable?: T,
  ): Live<T> {
    const contents = files.map((file) => readFileSync(file))
    const live = { current: make(contents) }
    if (files.length > 0) {
      this.#entries.push({
        what,
        files,
        tried: fingerprintOf(contents),
        stale: false,
        take: (newContents) => {
          live.current = make(newContents)
          changed()
        },
        drop:
          whileUnusable === undefined
            ? null
            : () => {
                live.current = whileUnusable
              },
      })
    }
    return live
  }

  start(): void {
    if (this.#timer === null && this.#entries.length > 0) {
      this.#timer = setInterval(() => void this.check(), this.#intervalMs)
      this.#timer.unref()
    }
  }

  stop(): void {
    if (this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  /** Checks every file once; concurrent calls share one round. */
  check(): Promise<void> {
    this.#checking ??= this.#checkAll().finally(() => {
      this.#checking = null
    })
    return this.#checking
  }

  async #checkAll(): Promise<void> {
    for (const entry of this.#entries) {
      await this.#checkOne(entry)
    }
  }

  async #checkOne(entry: Entry): Promise<void> {
    let contents: Buffer[]
    try {
      contents = await Promise.all(entry.files.map((file) => readFile(file)))
    } catch (error) {
      const code = String((error as NodeJS.ErrnoException).code)
      if (entry.tried !== code) {
        entry.tried = code
        this.#notUsable(entry, `a file cannot be read (${code})`)
      }
      return
    }
    const fingerprint = fingerprintOf(contents)
    if (fingerprint === entry.tried) {
      return
    }
    entry.tried = fingerprint
    try {
      entry.take(contents)
    } catch (error) {
      this.#notUsable(entry, (error as Error).message)
      return
    }
    entry.stale = false
    this.#logger.info({ what: entry.what }, `${entry.what}: reloaded`)
  }

  #notUsable(entry: Entry, reason: string): void {
    entry.stale = true
    entry.drop?.()
    const meanwhile = entry.drop === null ? 'the last good content stays in use' : 'it lets nobody in until it is fixed'
    this.#logger.warn(
      { what: entry.what, reason },
      `${entry.what}: the new content of the files cannot be used; ${meanwhile}`,
    )
  }
}

function fingerprintOf(contents: readonly Buffer[]): string {
  return contents.map((content) => hash('sha256', content, 'hex')).join()
}
