import { readFile } from 'node:fs/promises'
import type { KafkaClient } from '../../kafka/kafka-client.ts'
import { createPartitionReader } from '../../kafka/partition-reader.ts'

/** Where a subscriber shows its table. */
export type TablePlace =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'topic'; readonly topic: string }

const TOPIC = 'topic:'

/** `topic:<name>`, an http or https address, or the path of a file. */
export function toTablePlace(text: string): TablePlace {
  if (text.startsWith(TOPIC)) {
    return { kind: 'topic', topic: text.slice(TOPIC.length) }
  }
  return /^https?:\/\//.test(text) ? { kind: 'http', url: text } : { kind: 'file', path: text }
}

/** The table is not there, or not yet. */
export class TableUnavailableError extends Error {
  readonly code = 'TABLE_UNAVAILABLE'

  constructor(place: string, problem: string) {
    super(`the table at ${place} cannot be read: ${problem}`)
    this.name = 'TableUnavailableError'
  }
}

/** Reads the whole table as JSON lines. Rejects with TableUnavailableError. */
export type ReadTable = () => Promise<string>

const HTTP_MAX_MS = 10_000

export function tableReader(place: TablePlace, kafka: KafkaClient): ReadTable {
  switch (place.kind) {
    case 'file':
      return () =>
        readFile(place.path, 'utf8').catch((error: Error) => {
          throw new TableUnavailableError(place.path, error.message)
        })
    case 'http':
      return () => readHttp(place.url)
    case 'topic':
      return () => readTopic(kafka, place.topic)
  }
}

async function readHttp(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(HTTP_MAX_MS) })
    const body = await response.text()
    if (!response.ok) {
      throw new TypeError(`status ${response.status}`)
    }
    return body
  } catch (error) {
    const { message, cause } = error as Error
    throw new TableUnavailableError(url, cause instanceof Error ? `${message}: ${cause.message}` : message)
  }
}

/** Every record is a line; a tombstone removes the row of its key. */
async function readTopic(kafka: KafkaClient, topic: string): Promise<string> {
  const lines: string[] = []
  await createPartitionReader(kafka).read(topic, 0, 0n, (records) => {
    for (const { key, value } of records) {
      lines.push(value?.toString() ?? JSON.stringify({ paymentKey: String(key), forgotten: true }))
    }
  })
  return lines.map((line) => `${line}\n`).join('')
}
