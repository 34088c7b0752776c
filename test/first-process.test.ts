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

test('the first process of a container ends on a signal that nobody else listens to', () => {
  const process = new FakeProcess(1)
  answerSignalsAsFirstProcess(process)
  process.emit('SIGTERM')
  process.emit('SIGINT')
  expect(process.exits).toEqual([143, 130])
})

test('a stage that drains on the first signal is left alone, and a second one ends it', () => {
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

test('any other process keeps what Node.js does by itself', () => {
  const process = new FakeProcess(4711)
  answerSignalsAsFirstProcess(process)
  expect(process.eventNames()).toEqual([])
})
