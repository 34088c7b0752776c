import { describe, expect, test } from 'vitest'
import { DRIFT_NOTES_MAX, DriftNotes, NAME_NOT_SHOWN } from '../../src/providers/drift.ts'
import { providerById } from '../../src/providers/registry.ts'
import { LIFECYCLES } from '../../src/tools/simulate/lifecycles.ts'
import { createRandom } from '../../src/tools/simulate/random.ts'
import { scriptPayments } from '../../src/tools/simulate/script-payment.ts'
import { callbackOf } from './callback-of.ts'

const KNOWN = new Set(['known'])

function fieldsNoted(object: object): readonly string[] {
  const drift = new DriftNotes()
  drift.fields(object as Record<string, unknown>, KNOWN)
  return drift.list.map((note) => note.name)
}

describe('names', () => {
  test('known names are not noted', () => {
    expect(fieldsNoted({ known: 1 })).toEqual([])
    expect(new DriftNotes().list).toEqual([])
  })

  test.each(['newField', 'New_Field', 'AdditionalInfo7', 'x'])('%s is shown', (name) => {
    expect(fieldsNoted({ [name]: 'value' })).toEqual([name])
  })

  test.each([
    'DE89370400440532013000',
    '4111111111111111',
    'card4111',
    'a1b2',
    'jane@example.org',
    'Jane Doe',
    'Jane.Doe',
    '555-0100',
    'é',
    '',
    '__proto__',
    'x'.repeat(65),
    'a\nb',
  ])('%j could be personal data and is not shown', (name) => {
    expect(fieldsNoted(JSON.parse(`{${JSON.stringify(name)}: "value"}`))).toEqual([NAME_NOT_SHOWN])
  })

  test.each([
    [['settled'], 'SETTLED'],
    [[' newStatus '], 'NEWSTATUS'],
    [['COMPLETED', 'New_One2'], 'COMPLETED|NEW_ONE2'],
    [["Rejected: O'Brien, Mary"], NAME_NOT_SHOWN],
    [['COMPLETED', 'Jane Doe'], `COMPLETED|${NAME_NOT_SHOWN}`],
    [['REJECTED-DOE'], NAME_NOT_SHOWN],
    [['"DOE"'], NAME_NOT_SHOWN],
    [['J.DOE'], NAME_NOT_SHOWN],
    [['jane@example.org'], NAME_NOT_SHOWN],
    [['4111111111111111'], NAME_NOT_SHOWN],
    [['COMPLETED', 'A4111111111111111'], `COMPLETED|${NAME_NOT_SHOWN}`],
    [['CÔTE'], NAME_NOT_SHOWN],
    [['W'.repeat(65)], NAME_NOT_SHOWN],
  ])('I9 the words %j are noted as %s', (words, name) => {
    const drift = new DriftNotes()
    drift.word('status', ...words)
    expect(drift.list).toEqual([{ kind: 'status', name }])
  })

  test('each name is noted once, up to a limit (I10)', () => {
    const drift = new DriftNotes()
    for (let round = 0; round < 2; round += 1) {
      for (let index = 0; index < DRIFT_NOTES_MAX + 5; index += 1) {
        drift.word('status', `S${'X'.repeat(index)}`)
      }
    }
    expect(drift.list).toHaveLength(DRIFT_NOTES_MAX)
  })
})

test.each([
  ['jpm-global-payments-v1', { callbacks: [{ firmRootId: 'F', newField: 1 }] }, [['field', 'newField']]],
  ['jpm-global-payments-v1', { payments: [] }, [['field', 'payments']]],
  [
    'jpm-global-payments-v2',
    { type: 'PaymentReturn.X', returns: [] },
    [
      ['field', 'returns'],
      ['event-type', 'PaymentReturn'],
    ],
  ],
  ['jpm-global-payments-v2', { data: { payments: [{ paymentStatus: 'NEW' }] } }, [['status', 'NEW']]],
  ['instamed', { transactionName: 'x', StatementID: '1' }, [['field', 'transactionName']]],
] as const)('%s: a dead letter %j still tells what was new', (id, body, notes) => {
  const { deadLetters, drift } = providerById(id)?.translate(callbackOf(body)) ?? { deadLetters: [], drift: [] }
  expect(deadLetters).toHaveLength(1)
  expect(drift.map(({ kind, name }) => [kind, name])).toEqual(notes)
})

/** Invented words, and an action whose real name is not documented. */
const MADE_UP = [
  'SIMULATED_STATUS',
  'COMPLETED|SIMULATED_SUB_STATUS',
  'CHARGEBACK',
  'SIMULATEDACTION',
  'SIMULATEDACTION|S',
]

test('a path is shown name by name', () => {
  const drift = new DriftNotes()
  drift.name('duplicate-name', 'gpi', 'status')
  drift.name('duplicate-name', 'jane@example.org', 'status')
  expect(drift.list.map(({ name }) => name)).toEqual(['gpi.status', `${NAME_NOT_SHOWN}.status`])
})

test('the simulator sends nothing unknown except what it invents on purpose', () => {
  const random = createRandom(1, 'drift')
  for (const provider of ['jpm-global-payments-v1', 'jpm-global-payments-v2', 'instamed'] as const) {
    for (const lifecycle of LIFECYCLES[provider]) {
      for (const payment of scriptPayments({ id: 's', provider, namespace: 'n' }, lifecycle, 1e12, random)) {
        for (const { element, envelope } of payment.steps) {
          const body = {
            'jpm-global-payments-v1': `{"callbacks":[${element}]}`,
            'jpm-global-payments-v2': `{"type":"${envelope?.eventType}.Completed","data":{"${envelope?.list}":[${element}]}}`,
            instamed: element,
          }[provider]
          const drift = providerById(provider)?.translate(callbackOf(body)).drift ?? []
          expect(drift.filter((note) => !MADE_UP.includes(note.name))).toEqual([])
        }
      }
    }
  }
})
