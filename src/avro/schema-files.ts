import { readFileSync } from 'node:fs'
import { TOPICS, type TopicId, type TopicNames } from '../topics.ts'

/** A schema of this release: the file, and where it is registered. */
export interface TopicSchema {
  readonly topic: TopicId
  readonly file: string
  readonly subject: string
  /** JSON text without insignificant white space, so that formatting a file never makes a new schema. */
  readonly schema: string
}

/** The text of a file in `schemas/`, which lies beside `src/` (and beside a build's `dist/`). */
export function readSchemaFile(file: string): string {
  const text = readFileSync(new URL(`../../schemas/${file}`, import.meta.url), 'utf8')
  return JSON.stringify(JSON.parse(text))
}

/** All schemas of this release, in the order of topics.ts. */
export function readTopicSchemas(topicNames: TopicNames): readonly TopicSchema[] {
  return (Object.keys(TOPICS) as TopicId[]).flatMap((topic) => {
    const file = TOPICS[topic].schema
    return file === null ? [] : [{ topic, file, subject: subjectOf(topicNames[topic]), schema: readSchemaFile(file) }]
  })
}

/** Values only: keys are plain text. */
export function subjectOf(topicName: string): string {
  return `${topicName}-value`
}
