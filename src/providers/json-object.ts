/** A JSON object or decoded form whose members have not been checked. */
export interface JsonObject {
  readonly [name: string]: unknown
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
