import { require } from './replace-module.ts'

/** kafkajs's encoder and decoder, for requests that kafkajs does not support. Its version is pinned exactly. */
export interface Encoder {
  writeBoolean(value: boolean): Encoder
  writeInt32(value: number): Encoder
  writeString(value: string): Encoder
  writeBuffer(value: Buffer): Encoder
  /** Each encoder writes one element. */
  writeArray(elements: readonly Encoder[]): Encoder
  /** A compact string. */
  writeUVarIntString(value: string): Encoder
  /** A compact array. */
  writeUVarIntArray(elements: readonly Encoder[]): Encoder
  /** Without an argument: no tagged fields. */
  writeUVarIntBytes(): Encoder
}

export interface Decoder {
  readBoolean(): boolean
  readInt16(): number
  readInt32(): number
  /** A long.js number. */
  readInt64(): { toString(): string }
  readString(): string
  readBytes(length: number): Buffer
  readArray<T>(element: (decoder: Decoder) => T): T[]
  readUVarIntString(): string | null
  readUVarIntArray<T>(element: (decoder: Decoder) => T): readonly T[] | null
  readTaggedFields(): object | null
}

export const EncoderClass = require('kafkajs/src/protocol/encoder.js') as new () => Encoder
export const DecoderClass = require('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => Decoder
export const { createErrorFromCode } = require('kafkajs/src/protocol/error.js') as {
  createErrorFromCode: (code: number) => Error
}
