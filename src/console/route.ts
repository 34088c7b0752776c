import type { Who } from '../config/console-role.ts'
import type { Html } from './html.ts'

/** A request after its sender was identified. */
export interface Ask {
  readonly method: 'GET' | 'POST'
  /** With its parameters decoded. */
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** The fields of a form; empty for GET. */
  readonly form: URLSearchParams
  /** Null only where the route needs nobody. */
  readonly who: Who | null
  /** What a form must send back, in the field `token`. */
  readonly formToken: string
  /** The cookie that stands for this browser. */
  readonly browser: string
  /** The cookie of the session; null: there is none. */
  readonly session: string | null
  /** Aborted when the client is gone or the process stops. */
  readonly signal: AbortSignal
}

export type Reply =
  | {
      readonly kind: 'page'
      readonly status?: number
      readonly title: string
      readonly body: Html
      readonly live?: boolean
    }
  | { readonly kind: 'json'; readonly status?: number; readonly document: unknown; readonly etag?: string }
  | { readonly kind: 'problem'; readonly status: number; readonly detail: string }
  | { readonly kind: 'redirect'; readonly to: string; readonly cookies?: readonly SetCookie[] }
  | { readonly kind: 'text'; readonly text: string }
  /** Server-sent events until the client is gone. `start` returns what to call then. */
  | { readonly kind: 'events'; readonly start: (send: (event: string, data: unknown) => void) => () => void }

export interface SetCookie {
  readonly name: string
  /** Empty: removes it. */
  readonly value: string
}

export interface Route {
  readonly method: 'GET' | 'POST'
  /** Segments; `:name` takes one segment as a parameter. */
  readonly path: string
  /** `nobody`: also without signing in. */
  readonly needs: 'nobody' | 'viewer' | 'operator'
  readonly handle: (ask: Ask) => Promise<Reply> | Reply
}

/** Finds the route of a path, whose segments are already decoded. */
export class Router {
  readonly #routes: readonly { readonly segments: readonly string[]; readonly route: Route }[]

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, segments: route.path.split('/').slice(1) }))
  }

  /** The methods of a path; empty if it does not exist. */
  methods(path: readonly string[]): readonly string[] {
    return this.#routes.filter(({ segments }) => paramsOf(segments, path) !== null).map(({ route }) => route.method)
  }

  find(
    method: string,
    path: readonly string[],
  ): { readonly route: Route; readonly params: Readonly<Record<string, string>> } | null {
    for (const { route, segments } of this.#routes) {
      const params = route.method === method ? paramsOf(segments, path) : null
      if (params !== null) {
        return { route, params }
      }
    }
    return null
  }
}

function paramsOf(segments: readonly string[], path: readonly string[]): Readonly<Record<string, string>> | null {
  if (segments.length !== path.length) {
    return null
  }
  const params: Record<string, string> = {}
  for (const [index, segment] of segments.entries()) {
    const value = path[index] ?? ''
    if (segment.startsWith(':') && value !== '') {
      params[segment.slice(1)] = value
    } else if (segment !== value) {
      return null
    }
  }
  return params
}

/** The decoded segments of a path, or null if it is not one that this server ever gives out. */
export function segmentsOf(rawPath: string): readonly string[] | null {
  try {
    const segments = rawPath.split('/').slice(1).map(decodeURIComponent)
    const isOdd = (segment: string) => segment === '.' || segment === '..' || /[\p{Cc}\\]/u.test(segment)
    return rawPath.startsWith('/') && !segments.some(isOdd) ? segments : null
  } catch {
    return null
  }
}
