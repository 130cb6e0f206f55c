import { z } from 'zod'
import type {
  ZodOpenApiOperationObject,
  ZodOpenApiResponseObject,
  ZodOpenApiResponsesObject,
} from 'zod-openapi'
import type { ErrorCode } from '../errors.ts'
import { parameterNames } from '../evaluator/path-template.ts'
import { parameterExample, parameterPattern } from './path-parameters.ts'
import { codesByStatus, explained, ProblemBody } from './problem-schema.ts'
import { documentTypes } from './read-body.ts'
import type { Route } from './route.ts'

/** An operation as the document tells of it: a route without its handler, at its full path. */
export interface DescribedOperation extends Omit<Route, 'handle'> {
  /** Of what it answers, if not JSON alone: `text/event-stream`, say. */
  readonly otherMediaTypes?: readonly string[]
}

/** The operation object (OpenAPI 3.1 §4.8.10) of an operation. */
export function operationObject(operation: DescribedOperation, origin: string): ZodOpenApiOperationObject {
  const { operationId, summary, description, tag, query } = operation
  const body = requestBody(operation)
  return {
    operationId,
    summary,
    description: description ?? `${summary}.`,
    tags: [tag],
    requestParams: {
      path: z.object(pathParameters(operation)),
      ...(query === undefined ? {} : { query }),
      header: z.object(headerParameters(operation)),
    },
    ...(body === undefined ? {} : { requestBody: body }),
    responses: responses(operation),
    ...(operation.path.includes('{organization}') ? { 'x-latchkey-organization': 'organization' } : {}),
    'x-codeSamples': [{ lang: 'curl', source: curlExample(operation, origin) }],
  }
}

function pathParameters({ path, params }: DescribedOperation): Record<string, z.ZodType> {
  const entries = parameterNames(path).map((name) => {
    const pattern = parameterPattern(name)
    const schema = pattern === undefined ? z.string().min(1) : z.string().regex(new RegExp(pattern))
    return [
      name,
      schema.meta({ description: params[name] ?? name, example: parameterExample(name) }),
    ] as const
  })
  return Object.fromEntries(entries)
}

function headerParameters({ method, errors }: DescribedOperation): Record<string, z.ZodType> {
  if (method === 'GET') return {}
  const key = z
    .string()
    .min(1)
    .max(255)
    .optional()
    .meta({ description: 'Makes a repeat within 24 hours answer `already_done` instead of doing it again.' })
  const ifMatch = z
    .string()
    .optional()
    .meta({ description: 'The `ETag` that was read: the change is refused if there is a newer version.' })
  return {
    'Idempotency-Key': key,
    ...(errors.includes('precondition_failed') ? { 'If-Match': ifMatch } : {}),
  }
}

function requestBody({ body, bodyIs, example }: DescribedOperation) {
  if (body === undefined) return undefined
  const media = { schema: body, ...(example === undefined ? {} : { example }) }
  if (bodyIs !== 'document') return { required: true, content: { 'application/json': media } }
  const types = documentTypes.map((type) => [type, { schema: { type: 'string' as const } }] as const)
  return {
    required: true,
    description: 'An OpenAPI document, 3.0 or 3.1, JSON or YAML, up to 32 MB; may be gzipped.',
    content: Object.fromEntries(types),
  }
}

/** What any operation can answer: written once here, not in every route. */
const always: readonly ErrorCode[] = [
  'invalid_request',
  'invalid_token',
  'forbidden',
  'rate_limited',
  'internal',
  'stale_bundle',
  'store_unavailable',
]
const onChange: readonly ErrorCode[] = ['already_done', 'idempotency_key_reused']
const onBody: readonly ErrorCode[] = [
  'body_not_json',
  'body_too_deep',
  'body_too_large',
  'request_timeout',
  'unsupported_media_type',
]

/** Every code that an operation may answer. */
export function codesOf({ method, body, errors }: DescribedOperation): readonly ErrorCode[] {
  return [...errors, ...always, ...(method === 'GET' ? [] : onChange), ...(body === undefined ? [] : onBody)]
}

function responses(operation: DescribedOperation): ZodOpenApiResponsesObject {
  const { status, answer, otherMediaTypes = [] } = operation
  const others = otherMediaTypes.map((type) => [type, { schema: { type: 'string' as const } }] as const)
  const content = {
    ...(answer === undefined ? {} : { 'application/json': { schema: answer } }),
    ...Object.fromEntries(others),
  }
  const done: ZodOpenApiResponseObject = {
    description: answer === undefined ? 'Done.' : `${operation.summary}: done.`,
    ...(Object.keys(content).length === 0 ? {} : { content }),
  }
  const refusals = [...codesByStatus(codesOf(operation))].map(
    ([refused, codes]) =>
      [
        `${refused}`,
        { description: explained(codes), content: { 'application/problem+json': { schema: ProblemBody } } },
      ] as const,
  )
  return { [`${status}`]: done, ...Object.fromEntries(refusals) }
}

/** How to call it with `curl`. */
export function curlExample(
  { method, path, body, bodyIs, example }: DescribedOperation,
  origin: string,
): string {
  const url = origin + path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => parameterExample(name))
  const lines = [`curl ${method === 'GET' ? '' : `-X ${method} `}${url}`, '-H "Authorization: Bearer $TOKEN"']
  if (bodyIs === 'document') lines.push('-H "Content-Type: application/yaml"', '--data-binary @openapi.yaml')
  else if (body !== undefined) {
    const sent = JSON.stringify(example ?? {}).replaceAll("'", `'\\''`)
    lines.push('-H "Content-Type: application/json"', `-d '${sent}'`)
  }
  return lines.join(' \\\n  ')
}
