/** Names of the headers on records of `payments.status.changes`. */
export const CHANGE_HEADERS = {
  /**
   * When the record was published again because the topic had lost it. It may follow later versions of its payment;
   * a consumer that skips records not greater than (`incarnation`, `statusVersion`) is not affected.
   */
  repaired: 'paystatus_repaired',
} as const
