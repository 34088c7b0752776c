/**
 * What all requests of one gateway hold together, and its limits (I10): open requests, and bytes of bodies being read. A
 * complete body is counted by the append log instead, which has limits of its own.
 */
export class Budget {
  readonly #requestsMax: number
  readonly #bytesMax: number
  #requests = 0
  #bytes = 0

  constructor(requestsMax: number, bytesMax: number) {
    this.#requestsMax = requestsMax
    this.#bytesMax = bytesMax
  }

  get requests(): number {
    return this.#requests
  }

  get bytes(): number {
    return this.#bytes
  }

  /** More requests are open than allowed. The excess ones count, too, until their answers are out. */
  get isExceeded(): boolean {
    return this.#requests > this.#requestsMax
  }

  fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.#bytesMax
  }

  requestOpened(): void {
    this.#requests += 1
  }

  requestClosed(): void {
    this.#requests -= 1
  }

  hold(bytes: number): void {
    this.#bytes += bytes
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }
}
