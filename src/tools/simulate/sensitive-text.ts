/**
 * Stands where real callbacks carry personal or account data and free text. If it is ever found in a key, a header, a
 * log or a canonical topic, a field got through that is not on the allow-list.
 */
export const SENSITIVE_TEXT = 'SIMULATED-SENSITIVE-TEXT'
