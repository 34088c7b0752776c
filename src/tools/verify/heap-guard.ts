import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** The heap limit of Node.js is too low for the work. Without this error the process would end by a signal, with no remedy. */
export class HeapTooSmallError extends Error {
  readonly code = 'HEAP_TOO_SMALL'
  readonly retriable = false

  constructor(limitBytes: number) {
    const mebibytes = Math.round(limitBytes / MEBIBYTE)
    super(
      `the heap of ${mebibytes} MiB is too small for this: raise the limit (NODE_OPTIONS=--max-old-space-size=${Math.max(1_024, 2 * mebibytes)}), or compare less (--since, --payment). Nothing was changed`,
    )
    this.name = 'HeapTooSmallError'
  }
}

export interface HeapUse {
  readonly usedBytes: number
  readonly limitBytes: number
}

const MEBIBYTE = 1024 * 1024
/** Of the limit. From here on the collector works more and more for less and less, and then gives up. */
const FULL_SHARE = 0.85
/** How much has to be used more before the garbage is looked for again. */
const LOOK_AGAIN_SHARE = 0.03

/**
 * A check for work that holds much: throws HeapTooSmallError when the heap is nearly full of what is really held. Cheap
 * while it is not; near the limit it collects the garbage first, since most of what is used can be that.
 */
export function heapGuard(use: () => HeapUse = heapUse, collectGarbage: () => void = garbageCollector()): () => void {
  let lookFrom = FULL_SHARE
  return () => {
    const { usedBytes, limitBytes } = use()
    if (usedBytes < lookFrom * limitBytes) {
      return
    }
    collectGarbage()
    const held = use().usedBytes / limitBytes
    if (held >= FULL_SHARE) {
      throw new HeapTooSmallError(limitBytes)
    }
    lookFrom = Math.max(FULL_SHARE, held + LOOK_AGAIN_SHARE)
  }
}

/**
 * The limit that V8 tells is that of old and young objects together (three semi-spaces of 64 MiB in Node.js 24), and it
 * gives up when the old ones have no room, to which all that is held comes in the end.
 */
const YOUNG_BYTES_MAX = 192 * MEBIBYTE

function heapUse(): HeapUse {
  const { used_heap_size: usedBytes, heap_size_limit: bothBytes } = getHeapStatistics()
  return { usedBytes, limitBytes: Math.max(bothBytes - YOUNG_BYTES_MAX, bothBytes / 4) }
}

function garbageCollector(): () => void {
  // The flag counts for contexts that are made after it.
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
