import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DEAD_LETTER_REASONS, type Provider, type Translation } from '../../src/providers/provider.ts'
import { providerById } from '../../src/providers/registry.ts'
import { callbackOf } from './callback-of.ts'
import { goldenBodies } from './golden.ts'

/**
 * Tens of thousands of bodies, or all night with `make fuzz-long`. Every body gives events or dead letters or is set aside
 * (I2), nothing throws, and nothing that is marked as sensitive in the body is in the result (I9).
 *
 * Half of the runs mutate golden callbacks, the other half generate bodies.
 */
const RUNS = Number(process.env['RUNS'] ?? 20_000)
/** 20,000 runs take seconds; on a busy machine they have taken fifty times as long. */
const TIMEOUT_MS = 600_000 + 5 * RUNS

const PROVIDER_IDS = ['jpm-global-payments-v1', 'jpm-global-payments-v2', 'instamed'] as const
const PROVIDERS = PROVIDER_IDS.map((id) => providerById(id)).filter((found): found is Provider => found !== undefined)

/** Marks values that must never be published, not even in part. */
const MARK = 'Zq7Sens'
const SENSITIVE = fc.constantFrom(`${MARK} Doe`, `${MARK}4111111111111111`, `${MARK}@example.org`, MARK)

function checkTranslation(provider: Provider, body: Buffer, contentType: string): Translation {
  const callback = callbackOf(body, { contentType })
  const translation = provider.translate(callback)
  const { events, deadLetters, setAside } = translation
  if (events.length + deadLetters.length + setAside === 0) {
    throw new Error('nothing came of the callback')
  }
  for (const { reason } of deadLetters) {
    if (!(reason in DEAD_LETTER_REASONS) || reason === 'internal-error') {
      throw new Error(`dead letter ${reason}`)
    }
  }
  const elements = [...events, ...deadLetters].map((outcome) => outcome.element)
  // What stands beside the elements that are read gives one dead letter for the callback, and at most one.
  const besideElements = elements.includes(null) && elements.length > 1
  const isSecondList = deadLetters.some(({ element, reason }) => element === null && reason === 'unexpected-shape')
  if (new Set(elements).size !== elements.length || (besideElements && !isSecondList)) {
    throw new Error('an element came to more than one end')
  }
  provider.firstPaymentKey(callback)
  return translation
}

const GOLDEN = PROVIDER_IDS.flatMap((id) => goldenBodies(join(import.meta.dirname, id, 'fixtures')))

const EDIT = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), length: fc.nat(40) }),
  fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), length: fc.nat(40) }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: fc.nat(),
    text: fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ',',
      ':',
      '\\',
      '\\u0000',
      'null',
      '1e999',
      '-0',
      '<',
      '>',
      '</',
      '&',
      '&#0;',
      '<!DOCTYPE x>',
      '<![CDATA[',
      ']]>',
      '<!--',
      '%',
      '%00',
      '+',
      '=',
      '\ufeff',
      '\ud800',
      '"__proto__":',
      '"paymentStatus":"REJECTED",',
      '"data":{"returns":[]},',
      '\u0000',
      '\u00a0',
      '\u200b',
    ),
  }),
  fc.record({ kind: fc.constant('truncate' as const), at: fc.nat() }),
)
type Edit = typeof EDIT extends fc.Arbitrary<infer T> ? T : never

function edited(body: Buffer, edits: readonly Edit[]): Buffer {
  let bytes = Buffer.from(body)
  for (const edit of edits) {
    const at = edit.at % (bytes.length + 1)
    switch (edit.kind) {
      case 'flip':
        bytes[at] = edit.byte
        break
      case 'cut':
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + edit.length)])
        break
      case 'repeat':
        bytes = Buffer.concat([bytes.subarray(0, at + edit.length), bytes.subarray(at)])
        break
      case 'insert':
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(edit.text), bytes.subarray(at)])
        break
      case 'truncate':
        bytes = bytes.subarray(0, at)
    }
  }
  return bytes
}

test(
  'golden callbacks, broken in every way, read by every adapter',
  () => {
    const contentTypes = fc.constantFrom('application/json', 'application/x-www-form-urlencoded', 'application/xml', '')
    let understood = 0
    fc.assert(
      fc.property(
        fc.constantFrom(...GOLDEN),
        fc.array(EDIT, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(...PROVIDERS),
        fc.option(contentTypes, { nil: null }),
        ({ body, contentType }, edits, provider, otherType) => {
          understood += checkTranslation(provider, edited(body, edits), otherType ?? contentType).events.length
        },
      ),
      { numRuns: Math.ceil(RUNS / 2) },
    )
    // If no body were understood, the mutations would not test the mapping.
    expect(understood).toBeGreaterThan(RUNS / 100)
  },
  TIMEOUT_MS,
)

/** Published fields get values without a mark; all other names, known or not, and all wrong types get one. */
const HARMLESS = fc.oneof(
  fc.constantFrom(
    'COMPLETED',
    'PENDING',
    'REJECTED',
    'C',
    'V',
    'Sale',
    'Refund',
    'SimpleRefund',
    'true',
    '010',
    'NOTPROVIDED',
    '\u00a0a1\u200b',
    '2025-11-10T14:42:04Z',
    '1.10',
    'a1',
    'NEW_WORD',
  ),
  fc.constant(null),
  fc.integer(),
)
const NAME = fc.oneof(
  fc.stringMatching(/^[A-Za-z]{1,12}$/),
  SENSITIVE.map((text) => `${text} 4111111111111111`),
)
const { leak: LEAK } = fc.letrec<{ leak: unknown }>((tie) => ({
  leak: fc.oneof(
    { maxDepth: 2 },
    SENSITIVE,
    fc.array(tie('leak'), { maxLength: 3 }),
    fc.dictionary(NAME, tie('leak'), { maxKeys: 3 }),
  ),
}))
/** Values that must never be published, because they are objects, lists or texts out of bounds. */
const WRONG = fc.oneof(
  fc.array(SENSITIVE, { minLength: 1, maxLength: 2 }),
  fc.dictionary(NAME, SENSITIVE, { minKeys: 1, maxKeys: 2 }),
  SENSITIVE.map((text) => text.padEnd(200, 'x')),
  SENSITIVE.map((text) => `${text}\u0000`),
  SENSITIVE.map((text) => `${text}\ud800`),
)

function objectOf(
  published: readonly string[],
  secret: readonly string[],
  nested: Record<string, fc.Arbitrary<unknown>> = {},
  wrongWeight = 1,
) {
  return fc
    .tuple(
      fc.record(
        Object.fromEntries(
          published.map((name) => [
            name,
            fc.oneof({ weight: 30, arbitrary: HARMLESS }, { weight: wrongWeight, arbitrary: WRONG }),
          ]),
        ),
        {
          requiredKeys: [],
        },
      ),
      fc.record(Object.fromEntries(secret.map((name) => [name, LEAK])), { requiredKeys: [] }),
      fc.record(nested, { requiredKeys: [] }),
      fc.dictionary(
        NAME.filter((name) => !published.includes(name) && !(name in nested)),
        LEAK,
        { maxKeys: 2 },
      ),
    )
    .map((parts) => Object.assign({}, ...parts) as object)
}

const V1_BODY = fc
  .array(
    objectOf(
      ['firmRootId', 'endToEndId', 'clearingSystemReference', 'createDateTime', 'paymentStatus'],
      ['debtor', 'creditor'],
      {
        fx: objectOf(['appliedRate'], ['dealer']),
        exceptions: fc.array(objectOf(['errorCode', 'externalCode', 'ruleDefinition'], ['errorDescription']), {
          maxLength: 2,
        }),
      },
    ),
    { maxLength: 3 },
  )
  .map((callbacks) => ({ callbacks }))

const V2_ELEMENT = objectOf(
  [
    'paymentId',
    'paymentStatus',
    'paymentSubStatus',
    'statusUpdatedAt',
    'eventId',
    'eventTimestamp',
    'paymentType',
    'transferType',
    'requestedExecutionDate',
    'valueDate',
  ],
  ['paymentRedirection', 'creditor', 'remittanceInformation'],
  {
    paymentIdentifiers: objectOf(
      ['endToEndId', 'paymentBatchId', 'achTraceNumber', 'transactionIdentifier'],
      ['account'],
      {
        otherPaymentReferences: objectOf(['uetr', 'relatedReferenceId'], ['note']),
      },
    ),
    clearingSystem: objectOf(['name', 'reference'], ['account']),
    gpi: objectOf(['status'], ['statusDescription', 'reason']),
    fxInformation: objectOf(['appliedRate'], ['contractId', 'rateId']),
    exceptions: fc.array(
      objectOf(['code', 'location', 'field'], ['message'], {
        additionalContext: fc.array(objectOf(['type', 'code'], ['message']), { maxLength: 2 }),
      }),
      { maxLength: 2 },
    ),
  },
)
const V2_RETURN = objectOf(
  ['returnId', 'returnStatus', 'returnSubStatus', 'paymentType'],
  ['account', 'country', 'returnType', 'chargeBearer', 'additionalInformation', 'creditor'],
  {
    paymentIdentifiers: objectOf(['endToEndId'], ['account']),
    originalPaymentIdentifiers: objectOf(
      ['paymentId', 'bankReferenceNumber', 'clearingSystemReference'],
      ['account', 'debtor'],
    ),
    value: objectOf(['amount', 'currency'], ['payee']),
    exceptions: fc.array(objectOf(['code', 'location', 'field'], ['message']), { maxLength: 2 }),
  },
)
const V2_LISTS = fc.oneof(
  fc.array(V2_ELEMENT, { maxLength: 3 }).map((payments) => ({ count: payments.length, lists: { data: { payments } } })),
  fc.array(V2_ELEMENT, { maxLength: 3 }).map((events) => ({ count: events.length, lists: { events } })),
  fc.array(V2_RETURN, { maxLength: 3 }).map((returns) => ({ count: returns.length, lists: { data: { returns } } })),
)
const V2_BODY = fc
  .tuple(V2_LISTS, objectOf(['id', 'type', 'eventcontext', 'time'], ['source', 'subject']))
  .map(([{ count, lists }, envelope]) => ({ count, body: { ...envelope, ...lists } }))

const INSTAMED_SECRET = [
  'PatientFirstName',
  'PatientLastName',
  'PatientID',
  'PatientMedicalRecordNumber',
  'PatientBirthDate',
  'GuarantorID',
  'AccountHolderEmail',
  'CardHolderName',
  'CardLastFourDigits',
  'ExpDate',
  'AuthorizationCode',
  'RoutingNumber',
  'AccountNumberLastFourDigits',
  'CheckNumber',
  'DriversLicense',
  'FreeFormTextResponse',
  'ResponseMessage',
  'ReasonCodeDescription',
  'AdditionalCode1',
  'AdditionalCode1Description',
  'AdditionalInfo6',
  'SingleSignOnToken',
  'UserID',
  'InvoiceNumber',
  'MerchantID',
  'StatementID',
  'WorkflowStatus',
] as const
const INSTAMED_PUBLISHED = [
  'PaymentTransactionID',
  'OriginalTransactionID',
  'TransactionAction',
  'TransactionType',
  'CurrentTransactionStatusCode',
  'primaryTransactionStatus',
  'ResponseDateTime',
  'Amount',
  'RequestAmount',
  'IsPartiallyApproved',
  'PartialApprovalAmount',
  'CLMREF',
  'ReasonCode',
  'ResponseCode',
]
const INSTAMED_BODY = objectOf(INSTAMED_PUBLISHED, INSTAMED_SECRET)
/** In a form and in XML every value is a text, so none has a wrong type. */
const INSTAMED_TEXT_BODY = objectOf(INSTAMED_PUBLISHED, INSTAMED_SECRET, {}, 0)

const xmlText = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const asXml = (body: object) =>
  `<m>${Object.entries(body)
    .map(([name, value]) => `<${name}>${xmlText(typeof value === 'string' ? value : JSON.stringify(value))}</${name}>`)
    .join('')}</m>`
const asForm = (body: object) =>
  Object.entries(body)
    .map(
      ([name, value]) =>
        `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent((typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed())}`,
    )
    .join('&')

const GENERATED = fc.oneof(
  V1_BODY.map((body) => ({
    id: 'jpm-global-payments-v1',
    count: body.callbacks.length,
    text: JSON.stringify(body),
    type: 'application/json',
  })),
  V2_BODY.map(({ body, count }) => ({
    id: 'jpm-global-payments-v2',
    count,
    text: JSON.stringify(body),
    type: 'application/json',
  })),
  INSTAMED_BODY.map((body) => ({ id: 'instamed', count: 1, text: JSON.stringify(body), type: 'application/json' })),
  INSTAMED_TEXT_BODY.map((body) => ({
    id: 'instamed',
    count: -1,
    text: asForm(body),
    type: 'application/x-www-form-urlencoded',
  })),
  INSTAMED_TEXT_BODY.map((body) => ({ id: 'instamed', count: -1, text: asXml(body), type: 'text/xml' })),
)

test(
  'generated callbacks: every element ends once, and nothing sensitive comes out',
  () => {
    let events = 0
    let drift = 0
    fc.assert(
      fc.property(GENERATED, ({ id, count, text, type }) => {
        const provider = PROVIDERS.find((one) => one.id === id)
        if (provider === undefined) {
          throw new Error(`no provider ${id}`)
        }
        const translation = checkTranslation(provider, Buffer.from(text), type)
        if (count >= 0 && translation.events.length + translation.deadLetters.length !== count) {
          throw new Error(
            `${count} elements, ${translation.events.length} events, ${translation.deadLetters.length} dead letters`,
          )
        }
        const out = JSON.stringify(translation)
        if (out.includes(MARK) || out.includes('4111111111111111')) {
          throw new Error('something sensitive came out')
        }
        events += translation.events.length
        drift += translation.drift.length
      }),
      { numRuns: Math.floor(RUNS / 2) },
    )
    expect(events).toBeGreaterThan(RUNS / 100)
    expect(drift).toBeGreaterThan(RUNS / 100)
  },
  TIMEOUT_MS,
)
