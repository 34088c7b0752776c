import type { ConfigPart } from './config.ts'
import type { StartStage } from './stages/stage-context.ts'
import { startConsole } from './stages/start-console.ts'
import { startGateway } from './stages/start-gateway.ts'
import { startNormalizer } from './stages/start-normalizer.ts'
import { startProcessor } from './stages/start-processor.ts'
import type { TopicId } from './topics.ts'

/**
 * The stages in the order of the data flow. Each reads one topic (the gateway: HTTP) and writes others.
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
    start: startGateway,
  },
  {
    stage: 'normalizer',
    reads: 'raw',
    writes: ['events', 'rawDeadLetters'],
    uses: ['kafka', 'registry', 'encryption'],
    start: startNormalizer,
  },
  {
    stage: 'processor',
    reads: 'events',
    writes: ['changes', 'current', 'eventDeadLetters'],
    uses: ['kafka', 'redis', 'registry'],
    start: startProcessor,
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
  { stage: 'console', uses: ['kafka', 'redis', 'registry', 'encryption', 'console'], start: startConsole },
] as const satisfies readonly { stage: string; uses: readonly ConfigPart[]; start: StartStage }[]

export type RoleName = (typeof ROLES)[number]['stage']
