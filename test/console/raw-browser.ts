import { type RawAnswer, sendRaw } from './raw-request.ts'

/** As much of a browser as sign-in and forms need: it keeps cookies and follows nothing. Every header is explicit. */
export class RawBrowser {
  readonly cookies = new Map<string, string>()
  readonly #port: number
  readonly #headers: readonly string[]

  /** @param headers of every request, such as `Authorization`; `Host` among them. */
  constructor(port: number, headers: readonly string[] = ['Host: console.example']) {
    this.#port = port
    this.#headers = headers
  }

  get(path: string, headers: readonly string[] = []): Promise<RawAnswer> {
    return this.#send('GET', path, headers, '')
  }

  /** Sends the fields with this token; null: without one. */
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    token: string | null,
    headers: readonly string[] = [],
  ): Promise<RawAnswer> {
    const body = new URLSearchParams({ ...fields, ...(token !== null && { token }) }).toString()
    const type = 'Content-Type: application/x-www-form-urlencoded'
    return this.#send('POST', path, [type, `Content-Length: ${body.length}`, ...headers], body)
  }

  /** The token in the forms of a page. */
  async tokenOn(path: string): Promise<string> {
    const { body, status } = await this.get(path)
    const token = /name="token" value="([\w-]+)"/.exec(body)?.[1]
    if (token === undefined) {
      throw new Error(`${path} (${status}) has no form`)
    }
    return token
  }

  async signIn(secret: string, next = '/'): Promise<RawAnswer> {
    return this.post('/sign-in', { secret, next }, await this.tokenOn('/sign-in'))
  }

  async #send(method: string, path: string, headers: readonly string[], body: string): Promise<RawAnswer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const all = [...this.#headers, ...(cookie === '' ? [] : [`Cookie: ${cookie}`]), ...headers]
    const answer = await sendRaw(this.#port, path, all, { method, body })
    for (const line of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';', 1)[0] ?? '').split('=')
      if (/Max-Age=0\b/.test(line)) {
        this.cookies.delete(name)
      } else {
        this.cookies.set(name, value)
      }
    }
    return answer
  }
}
