import type { ConfigPart } from './config.ts'
import type { StartStage } from './stages/stage-context.ts'
import type { TopicId } from './topics.ts'

/**
 * The stages in the order of the data flow. Each reads one topic (the gateway: HTTP) and writes others. The code of a stage is only
 * loaded by a process that runs it.
 *
 *     provider --HTTP--> gateway --> raw --> normalizer --> events --> processor --> changes, current
 *                                                 |                        |
 *                                                 +--> callbacks.dlq       +--> events.dlq, and the view in Redis
 */
export const TOPOLOGY = [
  {
    stage: 'gateway',
    reads: null,
    writes: ['raw', 'keys'],
    uses: ['kafka', 'gateway', 'encryption'],
    start: async (context) => (await import('./stages/start-gateway.ts')).startGateway(context),
  },
  {
    stage: 'normalizer',
    reads: 'raw',
    writes: ['events', 'rawDeadLetters'],
    uses: ['kafka', 'registry', 'encryption'],
    start: async (context) => (await import('./stages/start-normalizer.ts')).startNormalizer(context),
  },
  {
    stage: 'processor',
    reads: 'events',
    writes: ['changes', 'current', 'eventDeadLetters'],
    uses: ['kafka', 'redis', 'registry'],
    start: async (context) => (await import('./stages/start-processor.ts')).startProcessor(context),
  },
] as const satisfies readonly {
  stage: string
  reads: TopicId | null
  writes: readonly TopicId[]
  /** The configuration parts whose secrets and files the stage needs. */
  uses: readonly ConfigPart[]
  start: StartStage
}[]

export type StageName = (typeof TOPOLOGY)[number]['stage']

/** Everything that a process can run: the stages, and the console, which only looks at their topics. */
export const ROLES = [
  ...TOPOLOGY,
  {
    stage: 'console',
    uses: ['kafka', 'redis', 'registry', 'encryption', 'console'],
    start: async (context) => (await import('./stages/start-console.ts')).startConsole(context),
  },
] as const satisfies readonly { stage: string; uses: readonly ConfigPart[]; start: StartStage }[]

export type RoleName = (typeof ROLES)[number]['stage']
