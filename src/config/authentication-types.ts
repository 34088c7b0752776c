/**
 * What a source can require of its callers, in the order in which the gateway checks it: the cheap checks first, and a path
 * token before everything else, because a wrong one must look like an unknown path.
 */
export const AUTHENTICATION_TYPES = [
  'path-token',
  'ip-allow-list',
  'header',
  'basic',
  'mtls',
  'hmac',
  'standard-webhooks',
  'none',
] as const

export type AuthenticationType = (typeof AUTHENTICATION_TYPES)[number]
