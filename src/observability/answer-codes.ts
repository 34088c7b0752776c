/**
 * Every status code of the gateway's answers, and so of their metric. Node answers 408 to a slow head by itself; its 417
 * to a wrong Expect header is the only answer that is not counted.
 */
export const ANSWER_CODES = [200, 201, 204, 400, 401, 404, 405, 408, 413, 415, 429, 431, 500, 503] as const
export type AnswerCode = (typeof ANSWER_CODES)[number]
