import type { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import avro, { type Type } from 'avsc'
import { ClientError } from './client-error.ts'

type Resolver = ReturnType<Type['createResolver']>

/**
 * Reads values that any release of paystatus wrote: the writer's schema comes from the registry, the reader's is the one that
 * this package was built with. So a field that was added is left out, one that is missing has its default, and an enum symbol
 * that this package does not know has the default of the enum.
 *
 * One resolver per schema id: making one takes as long as decoding twenty records.
 */
export class RecordDecoder<T> {
  readonly #type: Type
  readonly #registry: Pick<SchemaRegistry, 'getSchema'>
  readonly #resolvers = new Map<number, Resolver>()

  constructor(schema: string, registry: Pick<SchemaRegistry, 'getSchema'>) {
    this.#type = avro.Type.forSchema(JSON.parse(schema), { wrapUnions: 'never', omitRecordMethods: true })
    this.#registry = registry
  }

  /**
   * Fetches what `decode` needs for this value; resolves at once if it is known. Rejects with UNREADABLE if no fetch can help,
   * and with the registry's error if it should be tried again.
   */
  async prepare(value: Buffer): Promise<void> {
    const id = schemaIdOf(value)
    if (!this.#resolvers.has(id)) {
      this.#resolvers.set(id, this.#resolverFor(id, await this.#writerOf(id)))
    }
  }

  /** Throws UNREADABLE for a value that is damaged, or that was not prepared. */
  decode(value: Buffer): T {
    const id = schemaIdOf(value)
    const resolver = this.#resolvers.get(id)
    if (resolver === undefined) {
      throw new ClientError('UNREADABLE', `schema ${id} was not prepared`)
    }
    try {
      return this.#type.fromBuffer(value.subarray(FRAME_BYTES), resolver) as T
    } catch (error) {
      throw new ClientError('UNREADABLE', `a value with schema ${id} is damaged`, { cause: error })
    }
  }

  async #writerOf(id: number): Promise<Type> {
    try {
      return (await this.#registry.getSchema(id)) as unknown as Type
    } catch (error) {
      if ((error as { readonly status?: number }).status === 404) {
        const message = `the registry does not have schema ${id}: is it the registry of this installation?`
        throw new ClientError('UNREADABLE', message, { cause: error })
      }
      throw error
    }
  }

  #resolverFor(id: number, writer: Type): Resolver {
    try {
      return this.#type.createResolver(writer)
    } catch (error) {
      const message = `schema ${id} is not one of ${this.#type.name}: is this the topic of paystatus? Otherwise update this package`
      throw new ClientError('UNREADABLE', message, { cause: error })
    }
  }
}

const FRAME_BYTES = 5

function schemaIdOf(value: Buffer): number {
  if (value.length < FRAME_BYTES || value[0] !== 0) {
    throw new ClientError('UNREADABLE', 'a value does not begin with a schema id: is this the topic of paystatus?')
  }
  return value.readInt32BE(1)
}
