import { encodeSegment } from '../evaluator/canonical-path.ts'
import type { CompiledModel } from '../evaluator/compile-model.ts'
import type { CreatedResource } from '../evaluator/model.ts'
import { shapeOf } from '../evaluator/path-template.ts'
import { isReadableJson } from '../evaluator/request/media-type.ts'
import { jsonFlaws } from '../json-text.ts'
import type { NewResource } from './bundle.ts'
import type { Admission } from './guard-answer.ts'
import type { GuardSource } from './guard-source.ts'
import type { Register } from './registrar.ts'
import type { ReplacedResponse, ResponseDuty, ResponseHead } from './response-duty.ts'
import type { VerifiedCaller } from './verify-token.ts'

interface Creation {
  readonly source: Pick<GuardSource, 'report'>
  readonly register: Register
  readonly creates: CreatedResource
  readonly caller: VerifiedCaller
  readonly admission: Admission
  readonly model: CompiledModel
}

type Made =
  | { readonly kind: 'made'; readonly resource: NewResource }
  | { readonly kind: 'untold'; readonly why: string }

/** The document's place of an id is not looked for deeper than this. */
const depthMax = 256

/**
 * Registers what an operation has made, for the caller's organization, before anybody is told its id: from then on they may
 * use it. Where that fails, nobody is told that it was made, and the operator is told what to do about it.
 */
export function creationDuty(creation: Creation): ResponseDuty {
  return {
    at: (head) => (!isGood(head) ? 'pass' : isReadable(head) ? 'hold' : 'discard'),
    settle: (head, body) => registered(creation, head, body),
    unasked: [],
  }
}

function isGood({ status }: ResponseHead): boolean {
  return status >= 200 && status < 300
}

function isReadable({ mediaType, contentEncoding }: ResponseHead): boolean {
  return (contentEncoding ?? 'identity') === 'identity' && isReadableJson(mediaType ?? '')
}

async function registered(
  creation: Creation,
  head: ResponseHead,
  body: Uint8Array | undefined,
): Promise<ReplacedResponse | undefined> {
  const { source, admission } = creation
  if (!isGood(head)) return undefined
  const made = madeBy(creation, body)
  const outcome =
    made.kind === 'made'
      ? await creation.register(made.resource)
      : ({ kind: 'refused', why: made.why, cause: undefined } as const)
  if (outcome.kind === 'registered') return undefined
  const what = made.kind === 'made' ? made.resource.path : `what ${admission.operation.id} has made`
  source.report?.({
    kind: 'resource_not_registered',
    message: `${what} of ${creation.caller.organizationId} is not registered: ${outcome.why}`,
    cause: outcome.cause,
    ...(made.kind === 'made' ? { resource: made.resource } : {}),
  })
  return problemInstead(admission, outcome.kind)
}

function madeBy(
  { creates, caller, admission: { parameters }, model }: Creation,
  body: Uint8Array | undefined,
): Made {
  const id = idIn(body, creates.id)
  if (id === undefined) return { kind: 'untold', why: `its answer has no id at ${creates.id} of JSON` }
  const values = new Map(Object.entries(parameters))
  const last = namesIn(creates.resource).at(-1) ?? ''
  values.set(last, id)
  const path = filled(creates.resource, values)
  if (path === undefined)
    return { kind: 'untold', why: `its path does not say all ids of ${creates.resource}` }
  const namespace = model.resources.templates.get(shapeOf(creates.resource))?.namespace
  const named = typeof namespace === 'object' ? values.get(namespace.parameter) : undefined
  const resource = { path, organization: caller.organizationId }
  return { kind: 'made', resource: named === undefined ? resource : { ...resource, namespace: named } }
}

const parameter = /(\{[^{}]*\})/

function namesIn(template: string): readonly string[] {
  return template.split(parameter).flatMap((part) => (part.startsWith('{') ? [part.slice(1, -1)] : []))
}

/** The template with its ids, as a request for the resource has it. */
function filled(template: string, values: ReadonlyMap<string, string>): string | undefined {
  const segments = template.split('/').map((segment) => {
    const parts = segment.split(parameter).map((part) => {
      if (!part.startsWith('{')) return encodeSegment(decodeURIComponent(part))
      const value = values.get(part.slice(1, -1))
      return value === undefined ? undefined : encodeSegment(value)
    })
    return parts.includes(undefined) ? undefined : parts.join('')
  })
  return segments.includes(undefined) ? undefined : segments.join('/')
}

/** The text or whole number at a JSON pointer (RFC 6901 §4); `undefined` also where readers may differ on it. */
function idIn(body: Uint8Array | undefined, pointer: string): string | undefined {
  let value = body === undefined ? undefined : parsed(body)
  for (const written of pointer.split('/').slice(1)) {
    const step = written.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    // Sound: it has the member.
    value = (value as Record<string, unknown>)[step]
  }
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

function parsed(body: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    for (const { kind } of jsonFlaws(text, depthMax)) if (kind !== 'prototype_member') return undefined
    return JSON.parse(text)
  } catch (cause) {
    if (cause instanceof TypeError || cause instanceof SyntaxError) return undefined
    throw cause
  }
}

function problemInstead({ decisionId }: Admission, kind: 'refused' | 'failed'): ReplacedResponse {
  const status = kind === 'failed' ? 503 : 500
  const problem = {
    type: 'about:blank',
    title: kind === 'failed' ? 'Service Unavailable' : 'Internal Server Error',
    status,
    code: 'resource_not_registered',
    detail:
      'It was made, and cannot be used yet: who decides about access could not be told of it. Do not make it again.',
    decision_id: decisionId,
  }
  const headers = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
  }
  return { status, body: JSON.stringify(problem), headers }
}
