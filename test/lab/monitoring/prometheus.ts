import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Guard } from '../stack/guard.ts'
import { ensurePrometheus } from '../stack/prometheus.ts'
import { launch, type Server } from '../stack/server.ts'

export interface Alert {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing'
}

/** A real Prometheus with the given rules that scrapes every second what it is told to. */
export class Prometheus {
  readonly #server: Server
  readonly #targets = new Map<string, string>()

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(rules: string, directory: string, guard: Guard): Promise<Prometheus> {
    const { prometheus } = await ensurePrometheus(console.log)
    const server = await launch(
      {
        name: 'prometheus',
        ports: 1,
        ready: /Server is ready to receive web requests/,
        prepare: async (place) => {
          await writeFile(join(place.directory, 'rules.yaml'), rules)
          await writeFile(join(place.directory, 'targets.json'), '[]')
          await writeFile(join(place.directory, 'prometheus.yaml'), stringify(CONFIG))
        },
        command: ({ directory: at, ports: [port] }) => [
          prometheus,
          `--config.file=${join(at, 'prometheus.yaml')}`,
          `--storage.tsdb.path=${join(at, 'data')}`,
          `--web.listen-address=127.0.0.1:${port}`,
        ],
      },
      directory,
      guard,
    )
    return new Prometheus(server)
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.ports[0]}`
  }

  stop(): Promise<void> {
    return this.#server.stop()
  }

  /** Scrapes a process from now on, as this instance; null: no longer, as when an orchestrator removed it. */
  async target(instance: string, adminUrl: string | null): Promise<void> {
    if (adminUrl === null) {
      this.#targets.delete(instance)
    } else {
      this.#targets.set(instance, new URL(adminUrl).host)
    }
    const groups = [...this.#targets].map(([name, host]) => ({ targets: [host], labels: { instance: name } }))
    const file = join(this.#server.directory, 'targets.json')
    await writeFile(`${file}.new`, JSON.stringify(groups))
    await rename(`${file}.new`, file)
  }

  async alerts(): Promise<readonly Alert[]> {
    const { alerts } = (await this.#get('/api/v1/alerts', {})) as {
      alerts: { labels: Record<string, string>; state: Alert['state'] }[]
    }
    return alerts.map(({ labels, state }) => ({ name: labels['alertname'] ?? '', labels, state }))
  }

  /** The names of alerts that were firing at some second between two times, ms since the epoch. */
  async firedBetween(from: number, until: number): Promise<ReadonlySet<string>> {
    const { result } = (await this.#get('/api/v1/query_range', {
      query: 'count by (alertname) (ALERTS{alertstate="firing"})',
      start: String(from / 1_000),
      end: String(until / 1_000),
      step: '1',
    })) as { result: { metric: { alertname: string } }[] }
    return new Set(result.map(({ metric }) => metric.alertname))
  }

  /** Number of series that an expression gives now. */
  async count(expression: string): Promise<number> {
    const { result } = (await this.#get('/api/v1/query', { query: expression })) as { result: { value: unknown[] }[] }
    return result.filter(({ value }) => value[1] !== 'NaN').length
  }

  async #get(path: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
    const response = await fetch(`${this.url}${path}?${new URLSearchParams(parameters)}`)
    const { status, data, error } = (await response.json()) as { status: string; data: unknown; error?: string }
    if (status !== 'success') {
      throw new Error(`Prometheus: ${error}`)
    }
    return data
  }
}

const CONFIG = {
  global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
  rule_files: ['rules.yaml'],
  scrape_configs: [{ job_name: 'paystatus', file_sd_configs: [{ files: ['targets.json'], refresh_interval: '1s' }] }],
}
