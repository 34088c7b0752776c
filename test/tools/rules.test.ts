import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { VERDICT_RULES, VERDICTS } from '../../src/payment/apply-event.ts'
import { ATTENTION_CODES } from '../../src/payment/fold-payment.ts'
import type { PaymentStatus } from '../../src/payment/payment-status.ts'
import {
  PAYMENT_STATUSES,
  POSITIVE_RANK_MIN,
  RELEASE_RANK_MIN,
  tierNumberOf,
} from '../../src/payment/payment-status.ts'
import { CHANGE_RULES } from '../../src/payment/status-change.ts'
import { INSTAMED_STATUS_MAP } from '../../src/providers/instamed/status-map.ts'
import { V1_STATUS_MAP } from '../../src/providers/jpm-global-payments-v1/status-map.ts'
import { V2_STATUS_MAP } from '../../src/providers/jpm-global-payments-v2/status-map.ts'
import { PROVIDER_IDS, providerById } from '../../src/providers/registry.ts'
import { rules, rulesText } from '../../src/tools/rules.ts'
import { callbackOf } from '../providers/callback-of.ts'

const RULES = rules()
const TEXT = rulesText(RULES)
/** Long cells are wrapped, so texts are compared word by word. */
const WORDS = new Set(TEXT.split(/[\s,]+/))

describe('the rules', () => {
  test('contain every status with all its facts', () => {
    expect(RULES.statuses).toEqual(
      Object.entries(PAYMENT_STATUSES).map(([status, facts]) => ({
        status,
        ...facts,
        finality: facts.finality.toUpperCase(),
      })),
    )
    for (const { meaning } of RULES.statuses) {
      expect(meaning).toMatch(/.{10,}|under way/)
    }
  })

  test('contain every tier with its number in the fold, and every status in exactly one tier', () => {
    for (const { number, statuses } of RULES.fold.tiers) {
      expect(statuses.map((status) => tierNumberOf(status as PaymentStatus))).toEqual(statuses.map(() => number))
    }
    expect(RULES.fold.tiers.flatMap(({ statuses }) => statuses).sort()).toEqual(Object.keys(PAYMENT_STATUSES).sort())
  })

  test('explain the fold in sentences', () => {
    expect(RULES.fold.rules).toHaveLength(12)
    expect(RULES.fold.rules.filter((rule) => !/^[A-Z].{20,}\.$/.test(rule))).toEqual([])
  })

  test('name the limits of the fold', () => {
    const attention = JSON.stringify(RULES.attention)
    expect(RULES.fold.tiers.find(({ tier }) => tier === 'soft-negative')?.rule).toContain(`rank >= ${RELEASE_RANK_MIN}`)
    expect(attention).toContain(`rank >= ${RELEASE_RANK_MIN}`)
    expect(attention).toContain(`rank >= ${POSITIVE_RANK_MIN}`)
  })

  test('contain every attention code, and every verdict rule by precedence', () => {
    expect(RULES.attention.map(({ code }) => code)).toEqual(ATTENTION_CODES)
    expect(RULES.verdicts.map(({ rule }) => rule)).toEqual([...Object.keys(VERDICT_RULES), 'overdue'])
    expect(new Set(RULES.verdicts.map(({ verdict }) => verdict))).toEqual(new Set([...VERDICTS, 'OVERDUE']))
  })

  test('contain every row of the mapping of every provider', () => {
    expect(RULES.providers.map(({ provider }) => provider).sort()).toEqual(PROVIDER_IDS.toSorted())
    const rowsOf = (id: string) => RULES.providers.find(({ provider }) => provider === id)?.rows
    expect(rowsOf('jpm-global-payments-v1')).toEqual(V1_STATUS_MAP)
    expect(rowsOf('jpm-global-payments-v2')).toEqual(V2_STATUS_MAP)
    expect(rowsOf('instamed')).toEqual(INSTAMED_STATUS_MAP)
  })

  test('contain the mapping version of every provider, also in the text', () => {
    for (const { provider, mappingVersion } of RULES.providers) {
      expect(mappingVersion).toBe(providerById(provider)?.mappingVersion)
      expect(TEXT).toContain(`\nMAPPING OF ${provider}, VERSION ${mappingVersion}\n`)
    }
  })

  test('can be converted to JSON and back', () => {
    expect(JSON.parse(JSON.stringify(RULES))).toEqual(RULES)
  })
})

describe('the text', () => {
  test('has every status, tier, attention code, rule and provider', () => {
    const names = [
      ...RULES.statuses.map(({ status }) => status),
      ...RULES.fold.tiers.map(({ tier }) => tier),
      ...RULES.attention.map(({ code }) => code),
      ...RULES.verdicts.flatMap(({ rule, verdict }) => [rule, verdict]),
      ...RULES.providers.map(({ provider }) => provider),
    ]
    expect(names.filter((name) => !WORDS.has(name))).toEqual([])
  })

  test('has every word of every text and every row', () => {
    const { transitions: _, ...shown } = RULES
    const wanted = JSON.stringify(shown, (_key, value) => (typeof value === 'number' ? String(value) : value))
    const values = [...wanted.matchAll(/:"((?:[^"\\]|\\.)*)"/g)].flatMap(([, value]) =>
      JSON.parse(`"${value}"`).split(/[\s,]+/),
    )
    expect(values.length).toBeGreaterThan(500)
    expect(values.filter((word) => word !== '' && !WORDS.has(word))).toEqual([])
  })

  test('shows for a status which reports move it and which conflict with it', () => {
    const block = TEXT.slice(TEXT.indexOf('\nREJECTED\n'), TEXT.indexOf('\nCANCELED\n'))
    expect(block).toContain('  moves to: RETURNED\n')
    expect(block).toContain('  moves to, only if earlier: DECLINED!, CANCELED!, VOIDED!\n')
    expect(block).toContain('  conflict with: COMPLETED!, SETTLED!, CREDITED!\n')
    expect(block).toContain('  not moved by: RECEIVED, ')
    expect(TEXT).toContain('  moves to, only if later: PROCESSING, ON_HOLD\n')
    expect(TEXT).toContain('RETURNED (! if earlier)')
  })

  test('has no line above 150 characters', () => {
    expect(TEXT.split('\n').filter((line) => line.length > 150)).toEqual([])
  })
})

/** The notes on the mappings agree with the adapters. */
describe('the notes of the mappings', () => {
  const event = (provider: string, body: object) => {
    const { events } = providerById(provider)?.translate(callbackOf(body)) ?? { events: [] }
    return events[0]
  }
  const v1 = (paymentStatus: string) =>
    event('jpm-global-payments-v1', { callbacks: [{ firmRootId: 'f', paymentStatus }] })
  const v2 = (paymentStatus: string, paymentSubStatus: string | null, envelope: object = {}) =>
    event('jpm-global-payments-v2', {
      ...envelope,
      data: { payments: [{ paymentId: 'p', paymentStatus, paymentSubStatus }] },
    })
  const instamed = (TransactionAction: string, CurrentTransactionStatusCode: string, OriginalTransactionID: string) =>
    event('instamed', {
      PaymentTransactionID: 'a',
      TransactionAction,
      CurrentTransactionStatusCode,
      OriginalTransactionID,
    })

  test('case and punctuation do not matter', () => {
    expect(v1('completed-credited')?.status).toBe('CREDITED')
    expect(v2('Processing', 'pending jp morgan review')?.status).toBe('ON_HOLD')
    expect(instamed('SALE', 'se', 'a')?.status).toBe('SETTLEMENT_FAILED')
  })

  test('a value without a row is UNKNOWN', () => {
    expect(v1('SETTLING')?.status).toBe('UNKNOWN')
    expect(v2('SETTLING', null)?.status).toBe('UNKNOWN')
    expect(instamed('Sale', 'ZZ', 'a')?.status).toBe('UNKNOWN')
  })

  test('v2: * matches any other sub-status and none', () => {
    expect(v2('COMPLETED', 'SOMETHING_NEW')?.status).toBe('COMPLETED')
    expect(v2('COMPLETED', null)?.status).toBe('COMPLETED')
    expect(V2_STATUS_MAP.filter((row) => 'known' in row).map((row) => row.sourceSubStatus)).toContain('*')
  })

  test('v2: an event about something else is UNKNOWN', () => {
    const beside = { status: 'UNKNOWN', unknownBecause: 'CONTEXT' }
    expect(v2('COMPLETED', null, { eventcontext: 'x' })).toMatchObject(beside)
    expect(v2('COMPLETED', null, { type: 'PaymentReturn.x' })).toMatchObject(beside)
    expect(v2('COMPLETED', null, { type: 'Payment.x' })?.status).toBe('COMPLETED')
    expect(v2('COMPLETED', null, { type: 'PaymentInstruction.x' })?.status).toBe('COMPLETED')
  })

  test('InstaMed: id is own or new', () => {
    expect(instamed('Sale', 'CB', 'b')?.kind).toBe('CHARGEBACK')
    expect(instamed('Sale', 'CB', 'a')?.kind).toBe('PAYMENT')
  })
})

/** The guide for consumers agrees; change the tables in src/payment first, then the guide. */
describe('the guide for consumers', () => {
  const guide = readFileSync(new URL('../../docs/consumers.md', import.meta.url), 'utf8')

  test.each(RULES.statuses)('explains $status', ({ status, finality, meaning }) => {
    expect(guide).toContain(`\n| \`${status}\` | ${finality} | ${meaning} |\n`)
  })

  test.each(RULES.attention)('explains $code', ({ code, meaning }) => {
    expect(guide).toContain(`\n| \`${code}\` | ${meaning} |\n`)
  })

  test.each([...VERDICTS, 'OVERDUE'])('names exactly the rules of %s', (verdict) => {
    const verdicts = guide.slice(guide.indexOf('\n## Verdicts\n'))
    const [, cell = ''] = new RegExp(`\n\\| \`${verdict}\` \\| [^|]+ \\| ([^|]+) \\|\n`).exec(verdicts) ?? []
    const named = [...cell.matchAll(/`([^`]+)`/g)].map(([, rule]) => rule)
    const rulesOfVerdict = Object.entries(CHANGE_RULES).filter(([, rule]) => rule.verdict === verdict)
    expect(named.toSorted()).toEqual(rulesOfVerdict.map(([rule]) => rule).sort())
  })
})
