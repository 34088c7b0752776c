import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

export interface Asset {
  readonly type: string
  readonly content: Buffer
  readonly etag: string
}

/** The files of `public/`, read once. A request names one of them exactly, or gets nothing. */
export class Assets {
  readonly #assets: ReadonlyMap<string, Asset>
  /** Changes whenever a file does. */
  readonly version: string

  constructor(files: readonly (readonly [name: string, content: Buffer])[]) {
    this.#assets = new Map(
      files.map(([name, content]) => {
        const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream'
        return [name, { type, content, etag: `"${hash('sha256', content, 'hex').slice(0, 16)}"` }]
      }),
    )
    this.version = hash('sha256', [...this.#assets.values()].map(({ etag }) => etag).join(''), 'hex').slice(0, 8)
  }

  /** From the folder `public/`, which is next to `src/` (in a build, next to `dist/`). */
  static read(): Assets {
    const folder = new URL('../../public/', import.meta.url)
    return new Assets(readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder))]))
  }

  find(name: string): Asset | null {
    return this.#assets.get(name) ?? null
  }
}
