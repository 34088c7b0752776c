import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CRASH_POINTS, crashPointsOf } from '../src/crash-point.ts'

const kill = vi.spyOn(process, 'kill')
const write = vi.spyOn(process.stderr, 'write')

beforeEach(() => {
  kill.mockReset().mockReturnValue(true)
  write.mockReset().mockReturnValue(true)
})

afterEach(() => {
  vi.spyOn(Math, 'random').mockRestore()
})

test.each([undefined, '', ','])('without a setting (%j) there are no crash points', (setting) => {
  expect(crashPointsOf(setting)).toBeUndefined()
})

test('a process is killed, as with kill -9, exactly at the points that are set', () => {
  const reach = crashPointsOf('gateway:before-append=0,processor:after-commit=1,processor:after-view=1')
  for (const point of CRASH_POINTS) {
    reach?.(point)
  }
  expect(kill.mock.calls).toEqual([
    [process.pid, 'SIGKILL'],
    [process.pid, 'SIGKILL'],
  ])
  expect(write.mock.calls.map(([text]) => text)).toEqual([
    'crash point processor:after-commit\n',
    'crash point processor:after-view\n',
  ])
})

test('a point kills with the given probability', () => {
  const random = vi.spyOn(Math, 'random')
  const reach = crashPointsOf('processor:after-read=0.25')
  random.mockReturnValue(0.25)
  reach?.('processor:after-read')
  expect(kill).not.toHaveBeenCalled()
  random.mockReturnValue(0.24)
  reach?.('processor:after-read')
  expect(kill).toHaveBeenCalledOnce()
})
