import { ATTENTION, FOLD_RULES, HISTORY_EVENTS_MAX } from '../payment/fold-payment.ts'
import { FINALITIES, type Finality, PAYMENT_STATUSES, type PaymentStatus, TIERS } from '../payment/payment-status.ts'
import { CHANGE_RULES, publishedFinalityOf } from '../payment/status-change.ts'
import { INSTAMED_STATUS_MAP } from '../providers/instamed/status-map.ts'
import { V1_STATUS_MAP } from '../providers/jpm-global-payments-v1/status-map.ts'
import { V2_STATUS_MAP } from '../providers/jpm-global-payments-v2/status-map.ts'
import { textTable, wrapText } from './text-table.ts'
import { type Transition, transitions } from './transitions.ts'

/** The rows as the adapter uses them, whatever their columns are. */
type MappingRow = Readonly<Record<string, unknown>>

interface Mapping {
  readonly provider: string
  /** What the rows leave out. */
  readonly notes: readonly string[]
  readonly rows: readonly MappingRow[]
}

const EVERY_MAPPING = [
  'Case and punctuation of what the provider sends do not matter.',
  'A value that no row has is UNKNOWN: the event is kept and moves nothing.',
]

const MAPPINGS: readonly Mapping[] = [
  { provider: 'jpm-global-payments-v1', notes: EVERY_MAPPING, rows: V1_STATUS_MAP },
  {
    provider: 'jpm-global-payments-v2',
    notes: [
      ...EVERY_MAPPING,
      'Sub-status * is any other one, and none: the status leads, a sub-status alone makes nothing final. known: those that are documented for the row and add nothing.',
      'An event with an eventcontext, or of a type other than Payment.*, PaymentInstruction.* and PaymentBatch.*, is UNKNOWN whatever its status: it is about something beside the payment.',
      'The returns of data.returns are read by the same rows, as payments of kind RETURN: returnStatus as paymentStatus, returnSubStatus as paymentSubStatus.',
    ],
    rows: V2_STATUS_MAP,
  },
  {
    provider: 'instamed',
    notes: [
      ...EVERY_MAPPING,
      'The first row that fits decides; * fits everything, also what is not given. other: an action that no row names, or none.',
      'id: own, when no other transaction is named as the original; new, when one is.',
    ],
    rows: INSTAMED_STATUS_MAP.map((row) => ({ ...row })),
  },
]

/**
 * The rules by which payments get their status, as data: what `paystatus rules --json` prints. Everything is taken from
 * the tables that the stages use, or found out by asking them, so that it cannot say anything else than they do.
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
        `A payment keeps at most ${HISTORY_EVENTS_MAX} events; those that could decide are kept first, so the status is that of all.`,
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
    /** By precedence: the first that holds decides. */
    verdicts: Object.entries(CHANGE_RULES).map(([rule, { verdict, text }]) => ({ rule, verdict, text })),
    transitions: transitions(),
    providers: MAPPINGS,
  }
}
type Rules = ReturnType<typeof rules>

const TEXT_WIDTH = 120

/** The same for people. */
export function rulesText({ statuses, finalities, fold, attention, verdicts, transitions, providers }: Rules): string {
  return [
    ...title('STATUSES'),
    ...paragraph('ISO 20022: the nearest ExternalPaymentTransactionStatus1Code, for orientation only.'),
    ...textTable(
      ['status', 'tier', 'rank', 'finality', 'ISO 20022', 'meaning'],
      statuses.map((s) => [s.status, s.tier, String(s.rank), s.finality, s.iso20022 ?? '-', s.meaning]),
    ),
    '',
    ...textTable(
      ['finality', 'meaning'],
      finalities.map(({ finality, meaning }) => [finality, meaning]),
    ),
    ...title('HOW THE STATUS OF A PAYMENT FOLLOWS FROM ITS EVENTS'),
    ...fold.rules.flatMap((rule, index) => numbered(index + 1, rule)),
    '',
    ...textTable(
      ['tier', 'name', 'statuses', 'which one wins inside the tier'],
      fold.tiers
        .toReversed()
        .map(({ tier, number, statuses, rule }) => [String(number), tier, statuses.join(', '), rule]),
    ),
    ...title('STEPS'),
    ...paragraph(
      "What becomes of a payment that has one event, of the status at the margin, when another is reported. Later and earlier compare the provider's own times. No report is refused or lost: what does not move the status is recorded. A payment that is UNKNOWN moves to whatever is reported; a report that is UNKNOWN moves nothing. ! says that the payment then carries an attention code.",
    ),
    ...fromEachStatus(transitions),
    ...title('ATTENTION CODES'),
    ...paragraph('What a person should look at. They follow from the set of events alone.'),
    ...textTable(
      ['code', 'meaning', 'exactly when'],
      attention.map(({ code, meaning, condition }) => [code, meaning, condition]),
    ),
    ...title('VERDICTS'),
    ...paragraph(
      'What the arrival of an event meant; published with the rule that decided. The first rule that holds decides. A repeat of a known event comes before all of them: it is counted and has no record.',
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

function mappingText({ provider, notes, rows }: Mapping): readonly string[] {
  const columns = columnsOf(rows)
  return [
    ...title(`MAPPING OF ${provider}`),
    ...notes.flatMap((note, index) => numbered(index + 1, note)),
    '',
    ...textTable(
      columns,
      rows.map((row) => columns.map((column) => cellText(row[column]))),
    ),
  ]
}

/** As in the table, the remark last. */
function columnsOf(rows: readonly MappingRow[]): readonly string[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const remarks = ['note', 'providerText']
  return [...names.filter((name) => !remarks.includes(name)), ...names.filter((name) => remarks.includes(name))]
}

function cellText(value: unknown): string {
  return value === undefined || value === null ? '' : Array.isArray(value) ? value.join(', ') : String(value)
}

/** Later and earlier of one pair stand side by side, because for most pairs the time makes no difference. */
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
