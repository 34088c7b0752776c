import { ATTENTION, FOLD_RULES } from '../payment/fold-payment.ts'
import { HISTORY_EVENTS_MAX, STATE_BYTES_MAX } from '../payment/keep-within-bound.ts'
import { FINALITIES, type Finality, PAYMENT_STATUSES, type PaymentStatus, TIERS } from '../payment/payment-status.ts'
import { CHANGE_RULES, publishedFinalityOf } from '../payment/status-change.ts'
import { INSTAMED_STATUS_MAP } from '../providers/instamed/status-map.ts'
import { V1_STATUS_MAP } from '../providers/jpm-global-payments-v1/status-map.ts'
import { V2_STATUS_MAP } from '../providers/jpm-global-payments-v2/status-map.ts'
import { providerById } from '../providers/registry.ts'
import { textTable, wrapText } from './text-table.ts'
import { type Transition, transitions } from './transitions.ts'

/** A row of an adapter's table; the columns depend on the provider. */
type MappingRow = Readonly<Record<string, unknown>>

interface Mapping {
  readonly provider: string
  /** Facts that the rows do not show. */
  readonly notes: readonly string[]
  readonly rows: readonly MappingRow[]
}

const EVERY_MAPPING = [
  "Case and punctuation of the provider's values do not matter.",
  'A value without a row is UNKNOWN: the event is kept but does not move the status.',
]

const MAPPINGS: readonly Mapping[] = [
  { provider: 'jpm-global-payments-v1', notes: EVERY_MAPPING, rows: V1_STATUS_MAP },
  {
    provider: 'jpm-global-payments-v2',
    notes: [
      ...EVERY_MAPPING,
      'Sub-status * matches any other sub-status and none: a sub-status alone never makes a payment final. known: documented sub-statuses that do not change the result of the row.',
      'An event with an eventcontext, or of a type other than Payment.*, PaymentInstruction.* and PaymentBatch.*, is UNKNOWN whatever its status: it is not about the payment itself.',
      'The same rows apply to data.returns, which become payments of kind RETURN: returnStatus is read as paymentStatus, returnSubStatus as paymentSubStatus.',
    ],
    rows: V2_STATUS_MAP,
  },
  {
    provider: 'instamed',
    notes: [
      ...EVERY_MAPPING,
      'The first matching row applies; * matches any value and none. other: an action without a row, or none that can be read. unreadable: one that was sent but cannot be read.',
      'id: own if the callback names no other transaction as the original, new if it does.',
    ],
    rows: INSTAMED_STATUS_MAP.map((row) => ({ ...row })),
  },
]

/**
 * The rules that determine the status of payments, as data: what `paystatus rules --json` prints. Everything comes from
 * the tables and functions that the stages use, so the output cannot differ from their behaviour.
 */
export function rules() {
  return {
    statuses: Object.entries(PAYMENT_STATUSES).map(([status, facts]) => ({
      status,
      ...facts,
      finality: publishedFinalityOf(status as PaymentStatus),
    })),
    finalities: Object.entries(FINALITIES).map(([finality, meaning]) => ({
      finality: (finality as Finality).toUpperCase(),
      meaning,
    })),
    fold: {
      rules: [
        ...FOLD_RULES,
        `A payment keeps at most ${HISTORY_EVENTS_MAX} events and ${STATE_BYTES_MAX / 1024} KiB, first those that can decide, if necessary without their details. So the status is that of all its events.`,
      ],
      tiers: Object.entries(TIERS).map(([tier, { number, rule }]) => ({
        tier,
        number,
        statuses: Object.entries(PAYMENT_STATUSES)
          .filter(([, facts]) => facts.tier === tier)
          .map(([status]) => status),
        rule,
      })),
    },
    attention: Object.entries(ATTENTION).map(([code, texts]) => ({ code, ...texts })),
    /** By precedence: the first rule that holds applies. */
    verdicts: Object.entries(CHANGE_RULES).map(([rule, { verdict, text }]) => ({ rule, verdict, text })),
    transitions: transitions(),
    providers: MAPPINGS.map((mapping) => ({
      ...mapping,
      mappingVersion: providerById(mapping.provider)?.mappingVersion ?? 0,
    })),
  }
}
type Rules = ReturnType<typeof rules>

const TEXT_WIDTH = 120

/** Formats the rules for people. */
export function rulesText({ statuses, finalities, fold, attention, verdicts, transitions, providers }: Rules): string {
  return [
    ...title('STATUSES'),
    ...paragraph('ISO 20022: the closest ExternalPaymentTransactionStatus1Code, for orientation only.'),
    ...textTable(
      ['status', 'tier', 'rank', 'finality', 'ISO 20022', 'meaning'],
      statuses.map((s) => [s.status, s.tier, String(s.rank), s.finality, s.iso20022 ?? '-', s.meaning]),
    ),
    '',
    ...textTable(
      ['finality', 'meaning'],
      finalities.map(({ finality, meaning }) => [finality, meaning]),
    ),
    ...title('HOW EVENTS DETERMINE THE STATUS OF A PAYMENT'),
    ...fold.rules.flatMap((rule, index) => numbered(index + 1, rule)),
    '',
    ...textTable(
      ['tier', 'name', 'statuses', 'which one wins within the tier'],
      fold.tiers
        .toReversed()
        .map(({ tier, number, statuses, rule }) => [String(number), tier, statuses.join(', '), rule]),
    ),
    ...title('STEPS'),
    ...paragraph(
      "The effect of another event on a payment that has one event, of the status in the margin. Later and earlier compare the provider's own times. No event is refused or lost: an event that does not move the status is recorded. A payment that is UNKNOWN moves to any reported status; an UNKNOWN event never moves the status. ! means that the payment then carries an attention code.",
    ),
    ...fromEachStatus(transitions),
    ...title('ATTENTION CODES'),
    ...paragraph('Reasons for a person to look at a payment. They depend only on the set of events.'),
    ...textTable(
      ['code', 'meaning', 'condition'],
      attention.map(({ code, meaning, condition }) => [code, meaning, condition]),
    ),
    ...title('VERDICTS'),
    ...paragraph(
      'The effect of the arrival of an event, published with the rule that applied: the first rule that holds. A repeat of a recorded event is detected before all rules: it is counted and gets no record.',
    ),
    ...textTable(
      ['', 'rule', 'verdict', 'holds when'],
      verdicts.map(({ rule, verdict, text }, index) => [String(index + 1), rule, verdict, text]),
    ),
    ...providers.flatMap(mappingText),
  ]
    .join('\n')
    .trim()
}

function mappingText({ provider, mappingVersion, notes, rows }: Rules['providers'][number]): readonly string[] {
  const columns = columnsOf(rows)
  return [
    ...title(`MAPPING OF ${provider}, VERSION ${mappingVersion}`),
    ...notes.flatMap((note, index) => numbered(index + 1, note)),
    '',
    ...textTable(
      columns,
      rows.map((row) => columns.map((column) => cellText(row[column]))),
    ),
  ]
}

/** The columns in the order of the table, remarks last. */
function columnsOf(rows: readonly MappingRow[]): readonly string[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const remarks = ['note', 'providerText']
  return [...names.filter((name) => !remarks.includes(name)), ...names.filter((name) => remarks.includes(name))]
}

function cellText(value: unknown): string {
  return value === undefined || value === null ? '' : Array.isArray(value) ? value.join(', ') : String(value)
}

/** Merges later and earlier of each pair, because for most pairs the time makes no difference. */
function fromEachStatus(all: readonly Transition[]): readonly string[] {
  const steps = all.filter(({ from, reported }) => from !== reported && from !== 'UNKNOWN' && reported !== 'UNKNOWN')
  return [...Map.groupBy(steps, ({ from }) => from)].flatMap(([from, ofStatus]) => {
    const groups: Record<StepGroup, string[]> = {
      'moves to': [],
      'moves to, only if later': [],
      'moves to, only if earlier': [],
      'conflict with': [],
      'not moved by': [],
    }
    for (const later of ofStatus.filter(({ time }) => time === 'later')) {
      const earlier = ofStatus.find(({ time, reported }) => time === 'earlier' && reported === later.reported)
      groups[stepGroupOf(later, earlier)].push(`${later.reported}${attentionMark(later, earlier)}`)
    }
    return [
      from,
      ...Object.entries(groups).flatMap(([group, reported]) =>
        reported.length === 0 ? [] : hanging(`  ${group}: `, reported.join(', '), '      '),
      ),
    ]
  })
}

type StepGroup = 'moves to' | 'moves to, only if later' | 'moves to, only if earlier' | 'conflict with' | 'not moved by'

function stepGroupOf(later: Transition, earlier: Transition | undefined): StepGroup {
  const ifLater = later.statusAfter !== later.from
  const ifEarlier = earlier?.statusAfter !== earlier?.from
  if (ifLater && ifEarlier) {
    return 'moves to'
  }
  if (ifLater) {
    return 'moves to, only if later'
  }
  if (ifEarlier) {
    return 'moves to, only if earlier'
  }
  return later.verdict === 'CONFLICT' ? 'conflict with' : 'not moved by'
}

function attentionMark(later: Transition, earlier: Transition | undefined): string {
  if (later.attention.length > 0) {
    return '!'
  }
  return earlier !== undefined && earlier.attention.length > 0 ? ' (! if earlier)' : ''
}

function title(text: string): readonly string[] {
  return ['', '', text, '='.repeat(text.length), '']
}

function paragraph(text: string): readonly string[] {
  return [...wrapText(text, TEXT_WIDTH), '']
}

function numbered(number: number, text: string): readonly string[] {
  return hanging(`${number}. `, text, '   ')
}

function hanging(start: string, text: string, indent: string): readonly string[] {
  const [first, ...others] = wrapText(start.trimStart() + text, TEXT_WIDTH - indent.length)
  return [`${start.slice(0, start.length - start.trimStart().length)}${first}`, ...others.map((line) => indent + line)]
}
