import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { id_kp_serverAuth } from '@peculiar/asn1-x509'
import { parse, stringify } from 'yaml'
import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import { certificate, rootCa } from '../../pki/certificate-authority.ts'
import { Deployment, type RoleProcess } from '../harness/deployment.ts'
import { eventually } from '../harness/eventually.ts'
import type { Stack } from '../stack/stack.ts'
import type { Prometheus } from './prometheus.ts'
import { SteadyLoad } from './steady-load.ts'

const DAY_MS = 86_400_000
/** Long enough for no alert about it. */
const CERTIFICATE_DAYS = 90

/** The product in which alerts are drilled: a process per role, scraped by a Prometheus, under a steady load. */
export class DrillWorld {
  readonly stack: Stack
  readonly deployment: Deployment
  readonly prometheus: Prometheus
  readonly #processes = new Map<string, RoleProcess>()
  #load: SteadyLoad | undefined
  #console: { readonly watch: readonly string[]; readonly process: RoleProcess } | undefined

  private constructor(stack: Stack, deployment: Deployment, prometheus: Prometheus) {
    this.stack = stack
    this.deployment = deployment
    this.prometheus = prometheus
  }

  static async create(stack: Stack, prometheus: Prometheus): Promise<DrillWorld> {
    const deployment = await Deployment.create(stack, {
      partitions: 3,
      config: { payments: { nextStatusWithin: { default: 'never', 'jpm-global-payments-v1': { ON_HOLD: '3s' } } } },
    })
    const world = new DrillWorld(stack, deployment, prometheus)
    for (const role of ['gateway', 'normalizer', 'processor']) {
      await world.start(role)
    }
    await Promise.all([...world.#processes.values()].map((one) => one.ready()))
    world.#load = new SteadyLoad(simulatedSources(deployment.config, world.process('gateway').gatewayUrl))
    return world
  }

  get load(): SteadyLoad {
    return this.#load as SteadyLoad
  }

  process(instance: string): RoleProcess {
    const found = this.#processes.get(instance)
    if (found === undefined) {
      throw new Error(`no process ${instance}`)
    }
    return found
  }

  /** Starts a process and has it scraped. The instance is the role, or the role with a suffix: `gateway-2`. */
  async start(instance: string, options: { configFile?: string; program?: string } = {}): Promise<RoleProcess> {
    const started = await this.deployment.start([instance.replace(/-.*/, '')], {}, options)
    this.watch(instance, started)
    await this.prometheus.target(instance, started.adminUrl)
    await this.#scraped(instance, true)
    return started
  }

  /** Has the console ask a process that Prometheus does not scrape, too. */
  watch(instance: string, process: RoleProcess): void {
    this.#processes.set(instance, process)
  }

  /** Of the watched processes. */
  get adminUrls(): readonly string[] {
    return [...this.#processes.values()].map(({ adminUrl }) => adminUrl)
  }

  /** Stops a process that is no longer wanted, and no longer scrapes it. */
  async remove(instance: string): Promise<void> {
    await this.prometheus.target(instance, null)
    await this.#scraped(instance, false)
    await this.process(instance).stop()
    this.#processes.delete(instance)
  }

  /** The address of a console that watches the processes of now. It goes on running while they are the same. */
  async consoleUrl(): Promise<string> {
    // A path says which process it is, where compose and Kubernetes have names; it is not part of any request.
    const watch = [...this.#processes].map(([instance, { adminUrl }]) => new URL(instance, adminUrl).href)
    if (this.#console === undefined || this.#console.watch.join() !== watch.join()) {
      await this.#console?.process.stop()
      const configFile = this.configuration('console', { console: { watch, prometheus: this.prometheus.url } })
      this.#console = { watch, process: await this.deployment.start(['console'], {}, { configFile }) }
    }
    return this.#console.process.consoleUrl
  }

  /** Prometheus takes over changed targets every 5 s only. */
  #scraped(instance: string, isScraped: boolean): Promise<void> {
    return eventually(async () => {
      if ((await this.prometheus.count(`up{instance="${instance}"}`)) !== (isScraped ? 1 : 0)) {
        throw new Error(`${instance} is ${isScraped ? 'not' : 'still'} scraped`)
      }
    })
  }

  /** A copy of the configuration with other values, section by section. */
  configuration(name: string, changes: Readonly<Record<string, unknown>>): string {
    const { configFile } = this.deployment
    const config = parse(readFileSync(configFile, 'utf8')) as Record<string, unknown>
    for (const [section, values] of Object.entries(changes)) {
      config[section] = typeof values === 'object' ? { ...(config[section] as object), ...values } : values
    }
    const file = join(dirname(configFile), `${name}.yaml`)
    writeFileSync(file, stringify(config))
    return file
  }

  /** Where the certificate of a gateway with TLS is. */
  get tlsFiles(): { readonly certificate: string; readonly key: string } {
    const directory = dirname(this.deployment.configFile)
    return { certificate: join(directory, 'gateway.pem'), key: join(directory, 'gateway.key') }
  }

  writeCertificate(days = CERTIFICATE_DAYS): void {
    const issued = certificate('CN=gateway.test', rootCa('CN=Drill CA'), {
      extendedKeyUsage: [id_kp_serverAuth],
      names: [{ dNSName: 'gateway.test' }],
      notAfter: new Date(Date.now() + days * DAY_MS),
    })
    writeFileSync(this.tlsFiles.key, issued.keyPem, { mode: 0o600 })
    writeFileSync(this.tlsFiles.certificate, issued.pem)
  }

  async close(): Promise<void> {
    await this.#load?.stop()
    await this.deployment.close()
  }
}
