import { CLOUD_EVENT_HEADERS } from '../stream/cloud-event-headers.ts'
import { TRACEPARENT } from '../stream/traceparent.ts'

/**
 * Header names of raw records: CloudEvents in binary mode, and our own. The gateway writes them; the normalizer and the tools
 * read them.
 */
export const RAW_HEADERS = {
  specVersion: CLOUD_EVENT_HEADERS.specVersion,
  id: CLOUD_EVENT_HEADERS.id,
  source: CLOUD_EVENT_HEADERS.source,
  type: CLOUD_EVENT_HEADERS.type,
  time: CLOUD_EVENT_HEADERS.time,
  contentType: CLOUD_EVENT_HEADERS.contentType,
  /** How the caller was authenticated: sorted kinds, separated by commas. */
  authentication: 'paystatus_authentication',
  /** The source's settings when the callback was received, so that the record can be read without its configuration. */
  provider: 'paystatus_provider',
  namespace: 'paystatus_namespace',
  /** Missing if the source has none. */
  currency: 'paystatus_currency',
  jsonDepthMax: 'paystatus_json_depth_max',
  /** Set if the value is encrypted: how, and by which data key. */
  encryption: 'paystatus_encryption',
  dataKey: 'paystatus_data_key',
  traceparent: TRACEPARENT,
} as const
