import type { PaymentEvent } from '../../src/payment/payment-event.ts'

/** What attackers send to the console: for its tests, and for the battery of `make security`. */

export interface Act {
  readonly path: string
  readonly fields: Readonly<Record<string, string>>
}

/** Every act, with what its form sends. The reason is there where one is needed. */
export const ACTS: readonly Act[] = [
  { path: '/dead-letters/dry-run', fields: { topic: 'callbacks', cause: 'missing-status' } },
  {
    path: '/dead-letters/redrive',
    fields: { topic: 'callbacks', cause: 'missing-status', reason: 'source configured' },
  },
  { path: '/dead-letters/close', fields: { topic: 'callbacks', cause: 'missing-status', reason: 'a test' } },
  { path: '/reprocess/dry-run', fields: { scope: 'all' } },
  { path: '/reprocess/apply', fields: { scope: 'all', reason: 'mapping corrected' } },
  { path: '/drift', fields: {} },
  { path: '/scorecard', fields: { hours: '24' } },
  { path: '/bodies', fields: { topic: 'raw', partition: '1', offset: '103', reason: 'customer asks' } },
]

/** Paths of acts that are pages, too. */
export const SEEN_TOO = ['/drift', '/scorecard']

/** A form that does not come from a page of this console, in a browser of this person. */
export interface Forgery {
  readonly what: string
  readonly headers: readonly string[]
  readonly token: 'own' | 'none' | 'wrong' | 'of another browser' | 'of another person'
}

/** @param host of the console, as browsers send it. */
export function forgeries(host: string): readonly Forgery[] {
  const from = (what: string, header: string): Forgery => ({ what: `from ${what}`, headers: [header], token: 'own' })
  return [
    { what: 'without a token', headers: [], token: 'none' },
    { what: 'with a wrong token', headers: [], token: 'wrong' },
    { what: "with another browser's token", headers: [], token: 'of another browser' },
    { what: "with another person's token", headers: [], token: 'of another person' },
    from('another site', 'Origin: https://attacker.example'),
    from('another port of the same host', `Origin: http://${host.replace(/:\d+$/, '')}:81`),
    from('a host with the same beginning', `Origin: http://${host}.attacker.example`),
    from('a frame without an origin', 'Origin: null'),
    from('another site, as the browser says', 'Sec-Fetch-Site: cross-site'),
    from('a sibling of the host, as the browser says', 'Sec-Fetch-Site: same-site'),
    from('no page', 'Sec-Fetch-Site: none'),
  ]
}

/** Targets that must not lead anywhere, whatever a proxy or a file system would make of them. */
export const PATH_TRICKS: readonly string[] = [
  '/api//lag',
  '//api/lag',
  '/api/lag/',
  '/api/./lag',
  '/api/../api/lag',
  '/x/../api/lag',
  '/api/%2e/lag',
  '/api/%2e%2e/api/lag',
  '/api%2Flag',
  '/api%2flag',
  '/api/%252e%252e/lag',
  '/api\\lag',
  '/api/lag%00',
  '/api/lag%0d%0aX: y',
  '/api/lag;a=b',
  '/api/lag#x',
  '/api/%',
  '/api/%c0%ae',
  '/api/payments/',
  '/api/payments/..',
  '/api/payments/%2e%2e',
  '/api/payments/a/..',
  '/assets/..%2fpackage.json',
  '/assets/%2e%2e/package.json',
  '/assets/../package.json',
  '/assets/__proto__',
  '/audit/',
  '//audit',
  '/x/..%2faudit',
  '/%2e/audit',
  '/audit%2f',
  '/payments/..',
  '/payments/%2e%2e/audit',
  '/dead-letters/at/..%2f..%2faudit/x',
  '/sign-in/callback/..',
  'api/lag',
  '*',
  'http://localhost/api/lag',
  'http://attacker.example/api/lag',
  'file:///etc/passwd',
  `/api/lag?${'x'.repeat(4_096)}`,
  `/api/payments/${'x'.repeat(4_096)}`,
]

/** Breaks out of text, of attributes with either quote, and of a template; does something that can be seen. */
export const HOSTILE = `"'><img src=x onerror="document.title='XSS'"><script>document.title='XSS'</script>\${7*7}`

/** A payment and a report of its child with hostile text in every field that can have text. */
export function hostileEvents(paymentKey: string): readonly Partial<PaymentEvent>[] {
  const texts = Object.fromEntries(
    [
      'callbackId',
      'clearingSystem',
      'direction',
      'endToEndId',
      'eventContext',
      'fxAppliedRate',
      'gpiStatus',
      'holdReason',
      'naturalKey',
      'occurredAtText',
      'provider',
      'providerEventId',
      'rail',
      'rejectedBy',
      'relatesTo',
      'requestedExecutionDate',
      'source',
      'sourceAction',
      'sourceStatus',
      'sourceSubStatus',
      'sourceType',
      'valueDate',
    ].map((name) => [name, HOSTILE]),
  )
  const amount = { value: HOSTILE, currency: HOSTILE }
  const event: Partial<PaymentEvent> = {
    ...texts,
    paymentKey,
    authenticity: [HOSTILE],
    references: [{ type: HOSTILE, value: HOSTILE }],
    // biome-ignore lint/suspicious/noExplicitAny: what no provider's adapter gives, a foreign writer of the topic could.
    reasons: [{ scheme: HOSTILE, code: HOSTILE, rule: HOSTILE, location: HOSTILE, field: HOSTILE }] as any,
    unreadable: [HOSTILE],
    amount,
    requestAmount: amount,
    kind: 'REFUND',
    status: 'REJECTED',
    eventId: 'a'.repeat(32),
  }
  return [event, { ...event, eventId: 'b'.repeat(32), childKey: HOSTILE, kind: 'RETURN', callbackId: `${HOSTILE}2` }]
}
