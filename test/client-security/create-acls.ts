import { assertNoError } from '../../src/kafka/client/client-errors.ts'
import type { RequestType } from '../../src/kafka/client/requests.ts'
import {
  array,
  int8,
  int16,
  int32,
  nullableString,
  string,
  struct,
  type ValueOf,
} from '../../src/kafka/client/wire-types.ts'
import type { KafkaClient } from '../../src/kafka/kafka-client.ts'

const acl = struct({
  resourceType: int8,
  resourceName: string,
  resourcePatternType: int8,
  principal: string,
  host: string,
  operation: int8,
  permissionType: int8,
})

export type AclEntry = ValueOf<typeof acl>

const request = struct({ acls: array(acl) })
const response = struct({
  throttleTimeMs: int32,
  results: array(struct({ errorCode: int16, errorMessage: nullableString })),
})

/** An administrator's request, which the product does not send. */
const CREATE_ACLS: RequestType<ValueOf<typeof request>, ValueOf<typeof response>> = {
  name: 'CreateAcls',
  key: 30,
  version: 2,
  header: 'tagged',
  request,
  response,
}

/** kafkajs cannot: it logs in again before every request if sessions are short, which the broker refuses. */
export async function createAcls({ queries }: KafkaClient, acls: readonly AclEntry[]): Promise<void> {
  const { results } = await queries.any((broker) => broker.send(CREATE_ACLS, { acls }))
  for (const { errorCode } of results) {
    assertNoError(errorCode)
  }
}
