import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { freePort, reservePort } from './free-port.ts'

const COUNT = 12

/** Three processes that each want all ports of a range: what each got. */
async function holders(first: number): Promise<readonly { readonly child: ChildProcess; readonly ports: number[] }[]> {
  const program = join(import.meta.dirname, 'hold-ports.ts')
  const children = Array.from({ length: 3 }, () =>
    spawn(process.execPath, [program, String(first), String(COUNT)], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  return Promise.all(
    children.map(async (child) => {
      const [line] = (await once(child.stdout, 'data')) as [Buffer]
      return { child, ports: JSON.parse(String(line)) as number[] }
    }),
  )
}

test('no two processes get the same port, and a killed process releases its ports', async () => {
  // A range of its own among those that are given away.
  const first = await freePort()
  const held = await holders(first)
  try {
    const ports = held.flatMap((one) => one.ports)
    expect(new Set(ports).size).toBe(ports.length)
    expect(ports).not.toContain(first)
    expect(ports.length).toBeGreaterThan(0)
    await expect(reservePort(first, COUNT)).rejects.toThrow(/every port from \d+ to \d+ is taken/)

    const richest = held.toSorted((a, b) => b.ports.length - a.ports.length)[0] as (typeof held)[number]
    richest.child.kill('SIGKILL')
    await once(richest.child, 'exit')
    const port = await eventually(() => reservePort(first, COUNT))
    expect(richest.ports).toContain(port)
  } finally {
    for (const { child } of held) {
      child.kill('SIGKILL')
    }
  }
})

test('a reserved port can be listened on, and stays reserved when its server is down', async () => {
  const port = await freePort()
  for (const _ of ['the server', 'the same after a fault']) {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    await expect(reservePort(port, 1)).rejects.toThrow('is taken')
  }
})

test('a port that is taken without a reservation is skipped, and not kept', async () => {
  const port = await freePort()
  const stranger = createServer().listen(port + 1, '127.0.0.1')
  const isFree = await once(stranger, 'listening').then(
    () => true,
    () => false,
  )
  await expect(reservePort(port, 2)).rejects.toThrow('is taken')
  stranger.close()
  if (isFree) {
    await eventually(() => reservePort(port + 1, 1))
  }
})
