/** Log messages of the product that the laboratory recognizes. A unit test checks that the product still has them. */
export const PRODUCT_MESSAGES = {
  inDoubt: 'lane in doubt: will reopen once the group confirms the partition',
  halfEnded: 'ending a transaction that its coordinator left half-ended',
  rebuilt: 'view rebuilt from payments.status.current',
} as const
