import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { answerSignalsAsFirstProcess } from '../src/first-process.ts'

class FakeProcess extends EventEmitter {
  readonly exits: number[] = []
  readonly pid: number

  constructor(pid: number) {
    super()
    this.pid = pid
  }

  exit(code: number): void {
    this.exits.push(code)
  }
}

test('the first process of a container exits on a signal without other listeners', () => {
  const process = new FakeProcess(1)
  answerSignalsAsFirstProcess(process)
  process.emit('SIGTERM')
  process.emit('SIGINT')
  expect(process.exits).toEqual([143, 130])
})

test('a stage drains on the first signal, and the second one ends the process', () => {
  const process = new FakeProcess(1)
  answerSignalsAsFirstProcess(process)
  let drains = 0
  process.once('SIGTERM', () => {
    drains += 1
  })
  process.emit('SIGTERM')
  expect([drains, process.exits]).toEqual([1, []])
  process.emit('SIGTERM')
  expect([drains, process.exits]).toEqual([1, [143]])
})

test('any other process keeps the default behaviour of Node.js', () => {
  const process = new FakeProcess(4711)
  answerSignalsAsFirstProcess(process)
  expect(process.eventNames()).toEqual([])
})
