import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { firingAlertsIn, readFiringAlerts } from '../../src/tools/firing-alerts.ts'

const alert = (alertname: string, severity: string, activeAt: string, state = 'firing') => ({
  labels: { alertname, severity },
  annotations: { summary: `about ${alertname}` },
  state,
  activeAt,
})
const ANSWER = {
  status: 'success',
  data: {
    alerts: [
      alert('PaystatusDeadLetters', 'warning', '2026-03-01T11:00:00.123456789Z'),
      alert('PaystatusStatusesLate', 'critical', '2026-03-01T11:58:00Z'),
      alert('PaystatusStageDown', 'critical', '2026-03-01T11:57:00Z'),
      alert('PaystatusSourceSilent', 'warning', '2026-03-01T11:00:00Z', 'pending'),
      alert('DiskFull', 'critical', '2026-03-01T10:00:00Z'),
    ],
  },
}

test('our firing alerts come worst first, then oldest first; pending ones and those of others are left out', () => {
  expect(firingAlertsIn(ANSWER).map(({ name }) => name)).toEqual([
    'PaystatusStageDown',
    'PaystatusStatusesLate',
    'PaystatusDeadLetters',
  ])
  expect(firingAlertsIn(ANSWER)[2]).toEqual({
    name: 'PaystatusDeadLetters',
    severity: 'warning',
    summary: 'about PaystatusDeadLetters',
    instance: null,
    stage: null,
    since: Date.parse('2026-03-01T11:00:00.123Z'),
  })
})

test.each([null, {}, { data: {} }, { data: { alerts: [{}] } }])('%j is not the answer of a Prometheus', (answer) => {
  expect(() => firingAlertsIn(answer)).toThrow('it does not answer as a Prometheus does')
})

test('a Prometheus below a path is asked there, and one that cannot answer is reported with its code', async () => {
  const server = createServer(({ url }, response) => {
    response.statusCode = url === '/below/api/v1/alerts' ? 200 : 503
    response.end(JSON.stringify(ANSWER))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { signal } = new AbortController()
    expect(await readFiringAlerts(`${url}/below`, signal)).toHaveLength(3)
    await expect(readFiringAlerts(url, signal)).rejects.toThrow('it answers 503')
  } finally {
    server.close()
  }
})
