import { readFileSync } from 'node:fs'
import { TOPICS, type TopicId, type TopicNames } from '../topics.ts'

/** A schema of this release: its file, and the subject it is registered under. */
export interface TopicSchema {
  readonly topic: TopicId
  readonly file: string
  readonly subject: string
  /** JSON text without insignificant white space, so that formatting a file never creates a new schema. */
  readonly schema: string
}

/** The text of a file in `schemas/`, which is next to `src/` (in a build, next to `dist/`). */
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
