import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** The heap limit of Node.js is too low. Without this error V8 would abort the process without suggesting a remedy. */
export class HeapTooSmallError extends Error {
  readonly code = 'HEAP_TOO_SMALL'
  readonly retriable = false

  constructor(limitBytes: number) {
    const mebibytes = Math.round(limitBytes / MEBIBYTE)
    super(
      `the heap of ${mebibytes} MiB is too small: raise the limit (NODE_OPTIONS=--max-old-space-size=${Math.max(1_024, 2 * mebibytes)}), or compare less (--since, --payment). Nothing was changed`,
    )
    this.name = 'HeapTooSmallError'
  }
}

export interface HeapUse {
  readonly usedBytes: number
  readonly limitBytes: number
}

const MEBIBYTE = 1024 * 1024
/**
 * Share of the limit. From 80% on V8 itself aborts, even before the heap is full, once several collections in a row took most
 * of the time and freed little. That depends on the load of the machine, so the guard must come first.
 */
const FULL_SHARE = 0.78
/** Additional share in use before garbage is collected again. */
const LOOK_AGAIN_SHARE = 0.03

/**
 * Returns a check for work that needs much memory. The check throws HeapTooSmallError if live objects nearly fill the heap.
 * It is cheap below the limit. Near the limit it collects garbage first, since that can be most of the heap in use.
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
 * V8 reports one limit for old and young objects together (young: three semi-spaces of 64 MiB in Node.js 24), but aborts when
 * the old space, where all live objects end up, is full.
 */
const YOUNG_BYTES_MAX = 192 * MEBIBYTE

function heapUse(): HeapUse {
  const { used_heap_size: usedBytes, heap_size_limit: bothBytes } = getHeapStatistics()
  return { usedBytes, limitBytes: Math.max(bothBytes - YOUNG_BYTES_MAX, bothBytes / 4) }
}

function garbageCollector(): () => void {
  // The flag applies only to contexts created after it is set.
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
