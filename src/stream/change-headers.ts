/** Names of the headers on records of `payments.status.changes`. */
export const CHANGE_HEADERS = {
  /**
   * When the record was published again because the topic had lost it. It may stand behind later versions of its payment;
   * who skips what is not greater than (`incarnation`, `statusVersion`) is not affected.
   */
  repaired: 'paystatus_repaired',
} as const
