import { describeStateStore } from '../../processor/state-store.conformance.ts'
import { MemoryStateStore } from './memory-state-store.ts'

describeStateStore(
  'the view in memory',
  () => new MemoryStateStore(),
  async (store, partition, index) => store.lose(partition, index),
)
