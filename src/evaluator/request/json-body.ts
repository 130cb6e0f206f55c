import { jsonFlaws } from '../../json-text.ts'
import { isReadableJson } from './media-type.ts'

/**
 * What the caller knows of a request's body: that there is none, that there is one which is not at hand, its text or
 * parsed value together with the header `Content-Type`, or (`undefined`) nothing.
 */
export type BodyAtHand =
  | { readonly kind: 'none' }
  | { readonly kind: 'unread' }
  | { readonly kind: 'text'; readonly mediaType: string | undefined; readonly text: string }
  /** What `JSON.parse` made of it. Whether members stood twice can no longer be seen: rather give the text. */
  | { readonly kind: 'value'; readonly mediaType: string | undefined; readonly value: unknown }

export type JsonBody =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'none' }
  | { readonly kind: 'body_required' | 'ambiguous_request' }

/** Objects and arrays within one another; what is deeper, two parsers may cut at different places. */
const bodyDepthMax = 64

/** Reads a body as JSON. Text in which a member stands twice is ambiguous: parsers differ on which one counts. */
export function jsonBody(body: BodyAtHand | undefined): JsonBody {
  if (body === undefined) return bodyRequired
  switch (body.kind) {
    case 'none':
      return body
    case 'unread':
      return bodyRequired
    case 'text':
      if (body.text === '') return { kind: 'none' }
      return isReadableJson(body.mediaType ?? '') ? parsed(body.text) : bodyRequired
    case 'value':
      if (!isReadableJson(body.mediaType ?? '')) return bodyRequired
      return isTooDeep(body.value, bodyDepthMax) ? ambiguous : { kind: 'json', value: body.value }
    default:
      throw new Error(`unknown kind of body: ${body satisfies never}`)
  }
}

const bodyRequired: JsonBody = { kind: 'body_required' }
const ambiguous: JsonBody = { kind: 'ambiguous_request' }

function parsed(text: string): JsonBody {
  for (const flaw of jsonFlaws(text, bodyDepthMax)) if (flaw.kind !== 'prototype_member') return ambiguous
  try {
    return { kind: 'json', value: JSON.parse(text) }
  } catch (cause) {
    if (cause instanceof SyntaxError) return bodyRequired
    throw cause
  }
}

/** A circle is without end, and so too deep. */
function isTooDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  for (const one of Object.values(value)) if (isTooDeep(one, levels - 1)) return true
  return false
}
