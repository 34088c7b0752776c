import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { ensureFastavro } from '../stack/fastavro.ts'

/** Reads framed values from stdin, one per line in base64; the writer's schema comes from the registry by the id in the frame. */
const DECODE = `
import base64, io, json, sys, urllib.request
from datetime import datetime, timezone
from fastavro import parse_schema, schemaless_reader
registry, schemas = sys.argv[1], {}
epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
for line in sys.stdin:
    framed = base64.b64decode(line)
    assert framed[0] == 0, 'not the Confluent frame'
    schema_id = int.from_bytes(framed[1:5], 'big')
    if schema_id not in schemas:
        with urllib.request.urlopen(f'{registry}/schemas/ids/{schema_id}') as answer:
            schemas[schema_id] = parse_schema(json.loads(json.load(answer)['schema']))
    body = io.BytesIO(framed[5:])
    value = schemaless_reader(body, schemas[schema_id], None)
    assert body.read() == b'', 'bytes are left over'
    print(json.dumps(value, default=lambda time: round((time - epoch).total_seconds() * 1000)))
`

/** Decodes framed Avro values with fastavro; times become ms since the epoch. */
export async function decodeWithFastavro(registryUrl: string, values: readonly Buffer[]): Promise<readonly unknown[]> {
  const python = await ensureFastavro(() => {})
  const child = spawn(python, ['-c', DECODE, registryUrl], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('latin1')
  })
  child.stdin.end(values.map((value) => `${value.toString('base64')}\n`).join(''))
  const [code] = await ended
  if (code !== 0) {
    throw new Error(`fastavro ended with ${code}`)
  }
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}
