import { isReadableJson } from '../evaluator/request/media-type.ts'
import { filterJson, type ResponseFilter } from '../evaluator/response/response-filter.ts'
import { jsonFlaws } from '../json-text.ts'
import { refusalOf } from './answers.ts'
import { changedJson } from './exact-json.ts'
import type { Admission } from './guard-answer.ts'
import type { ReplacedResponse, ResponseDuty, ResponseHead } from './response-duty.ts'

/** Objects and arrays within one another, of what an API answers. */
const depthMax = 256

/** Whether the whole is what somebody thinks it is, and parts of it (RFC 9110 §13, §14). */
const unaskedOfReads = [
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range'],
]

interface Filtered extends Pick<Admission, 'decisionId'> {
  readonly filter: ResponseFilter
  readonly method: string
}

/** Has nothing of a response go out but what the filter shows. What cannot be filtered does not go out. */
export function filterDuty(filtered: Filtered): ResponseDuty {
  const { method } = filtered
  const isRead = method === 'GET' || method === 'HEAD'
  return {
    at: (head) => (hasNoBody(method, head) || isFilterable(head) ? 'hold' : 'discard'),
    settle: async (head, body) => shown(filtered, head, body),
    // A write that asks for the state it was made for must not lose its question.
    unasked: isRead ? unaskedOfReads : [],
  }
}

function hasNoBody(method: string, { status }: ResponseHead): boolean {
  return method === 'HEAD' || status === 204 || status === 205 || status === 304
}

function isFilterable({ status, mediaType, contentEncoding, contentRange }: ResponseHead): boolean {
  const isWhole = status !== 206 && contentRange === undefined
  return isWhole && (contentEncoding ?? 'identity') === 'identity' && isReadableJson(mediaType ?? '')
}

function shown(filtered: Filtered, head: ResponseHead, body: Uint8Array | undefined): ReplacedResponse {
  const { status } = head
  if (hasNoBody(filtered.method, head) || body?.length === 0) return { status, body: '', headers: {} }
  const text = body === undefined || !isFilterable(head) ? undefined : filteredText(filtered.filter, body)
  const isError = status >= 400
  if (text !== undefined && !(isError && text === '{}')) return { status, body: text, headers: {} }
  // Where somebody is sent elsewhere, the body only says the same for people to read.
  if (status >= 300 && status < 400) return { status, body: '', headers: {} }
  return isError ? errorInstead(filtered, status) : refusalInstead(filtered)
}

/** `undefined`: nobody can tell what it would show. */
function filteredText(filter: ResponseFilter, body: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    for (const { kind } of jsonFlaws(text, depthMax)) if (kind !== 'prototype_member') return undefined
    return changedJson(text, (value) => filterJson(filter, value))
  } catch (cause) {
    if (cause instanceof TypeError || cause instanceof SyntaxError) return undefined
    throw cause
  }
}

const problem = { 'content-type': 'application/problem+json' }

/** The API's own words could say what is not shown; that it has failed is no secret. */
function errorInstead({ decisionId }: Filtered, status: number): ReplacedResponse {
  const detail = 'What the API says of it may not be shown to this caller.'
  const body = JSON.stringify({ type: 'about:blank', status, detail, decision_id: decisionId })
  return { status, body, headers: { ...problem, 'cache-control': 'no-store' } }
}

function refusalInstead({ decisionId, method }: Filtered): ReplacedResponse {
  const isRead = method === 'GET' || method === 'HEAD'
  const refusal = refusalOf('filter_required', {
    decisionId,
    ...(isRead ? {} : { status: 500, detail: 'It was done; the response cannot be shown to this caller.' }),
  })
  const { status, headers } = refusal
  return { status, body: JSON.stringify(refusal.problem), headers: { ...headers, ...problem } }
}
