/**
 * Replaces personal data, account data and free text of real callbacks. If it appears in a key, a header, a log or a
 * canonical topic, a field that is not on the allow-list got through.
 */
export const SENSITIVE_TEXT = 'SIMULATED-SENSITIVE-TEXT'
