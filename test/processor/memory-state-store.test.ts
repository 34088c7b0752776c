import { MemoryStateStore } from '../../src/processor/memory-state-store.ts'
import { describeStateStore } from './state-store.conformance.ts'

describeStateStore(
  'the view in memory',
  () => new MemoryStateStore(),
  async (store, partition, index) => store.lose(partition, index),
)
