import { z } from 'zod'

/** An alert of deploy/monitoring/rules.yaml that Prometheus says is firing. */
export interface FiringAlert {
  /** Also the name of its runbook. */
  readonly name: string
  readonly severity: string
  /** What is wrong, in a sentence. */
  readonly summary: string
  /** The address, as Prometheus scrapes it, of the process that it is about; null if it is about more than one. */
  readonly instance: string | null
  /** The stage that it is about; null if it is about none or several. */
  readonly stage: string | null
  /** Since when its condition holds, ms since the epoch. */
  readonly since: number
}

const TIMEOUT_MS = 3_000
/** Other rules of that Prometheus are not ours. */
const PREFIX = 'Paystatus'
const SEVERITIES = ['critical', 'warning', 'info']

/** What answers is no Prometheus, or has trouble. Its code makes the message one that people are shown. */
class PrometheusAnswerError extends Error {
  override readonly name = 'PrometheusAnswerError'
  readonly code = 'PROMETHEUS_ANSWER'
}

const ANSWER = z.object({
  data: z.object({
    alerts: z.array(
      z.object({
        labels: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.string()).default({}),
        state: z.string(),
        activeAt: z.string().transform((text) => Date.parse(text)),
      }),
    ),
  }),
})

/** Worst first, then oldest first. Throws if Prometheus does not answer, or answers something else. */
export async function readFiringAlerts(prometheusUrl: string, signal: AbortSignal): Promise<readonly FiringAlert[]> {
  const base = prometheusUrl.endsWith('/') ? prometheusUrl : `${prometheusUrl}/`
  const response = await fetch(new URL('api/v1/alerts', base), {
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  })
  if (!response.ok) {
    throw new PrometheusAnswerError(`it answers ${response.status}`)
  }
  return firingAlertsIn(await response.json())
}

/** In the answer of `/api/v1/alerts`. */
export function firingAlertsIn(answer: unknown): readonly FiringAlert[] {
  const parsed = ANSWER.safeParse(answer)
  if (!parsed.success) {
    throw new PrometheusAnswerError('it does not answer as a Prometheus does')
  }
  return parsed.data.data.alerts
    .filter(({ state, labels }) => state === 'firing' && labels['alertname']?.startsWith(PREFIX))
    .map(({ labels, annotations, activeAt }) => ({
      name: labels['alertname'] ?? '',
      severity: labels['severity'] ?? '',
      summary: annotations['summary'] ?? '',
      instance: labels['instance'] ?? null,
      stage: labels['stage'] ?? null,
      since: activeAt,
    }))
    .toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || a.since - b.since)
}
