/** Header names of CloudEvents 1.0 in the binary mode of its Kafka binding. */
export const CLOUD_EVENT_HEADERS = {
  specVersion: 'ce_specversion',
  id: 'ce_id',
  source: 'ce_source',
  type: 'ce_type',
  subject: 'ce_subject',
  time: 'ce_time',
  contentType: 'content-type',
} as const

export const CLOUD_EVENTS_VERSION = '1.0'
