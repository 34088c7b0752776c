import type { Callback } from './callbacks.ts'

/** Sends callbacks, and misbehaves on request as providers do. */
export class CallbackSender {
  readonly #post: (callback: Callback) => Promise<void>
  readonly #sent: Callback[] = []

  /** `post` rejects if the callback is not accepted. */
  constructor(post: (callback: Callback) => Promise<void>) {
    this.#post = post
  }

  async send(callback: Callback): Promise<void> {
    await this.#post(callback)
    this.#sent.push(callback)
  }

  /** Sends everything that was accepted so far once more, in the same order. Resolves with the number of callbacks. */
  async repeatEverything(): Promise<number> {
    const sent = [...this.#sent]
    for (const callback of sent) {
      await this.#post(callback)
    }
    return sent.length
  }

  /** Sends the last one first. */
  async sendOutOfOrder(callbacks: readonly Callback[]): Promise<void> {
    for (const callback of callbacks.toReversed()) {
      await this.send(callback)
    }
  }
}
