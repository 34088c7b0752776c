/**
 * Names of the headers on raw records, here once: CloudEvents in binary mode, and what is ours. The gateway writes them;
 * the normalizer and the tools read them.
 */
export const RAW_HEADERS = {
  specVersion: 'ce_specversion',
  id: 'ce_id',
  source: 'ce_source',
  type: 'ce_type',
  time: 'ce_time',
  contentType: 'content-type',
  /** How the caller was authenticated: kinds, sorted, with commas between them. */
  authentication: 'paystatus_authentication',
  /** What the source was configured with when it was called, so that the record can be read without its configuration. */
  provider: 'paystatus_provider',
  namespace: 'paystatus_namespace',
  /** Missing if the source has none. */
  currency: 'paystatus_currency',
  jsonDepthMax: 'paystatus_json_depth_max',
  /** Set if the value is encrypted: how, and by which data key. */
  encryption: 'paystatus_encryption',
  dataKey: 'paystatus_data_key',
} as const
