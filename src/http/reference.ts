import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { codesOf, curlExample, type DescribedOperation } from './described-operation.ts'
import { type ApiDocumentOptions, apiDocument, describedRoutes } from './openapi.ts'
import { type Field, fieldsOf, typeText } from './schema-text.ts'
import { statusOf, titleOf } from './status.ts'

interface Refusal {
  readonly code: ErrorCode
  readonly status: number
  readonly title: string
}

interface ReferenceOperation {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly summary: string
  readonly description: string
  readonly parameters: readonly (Field & { readonly in: string })[]
  readonly body: readonly Field[]
  readonly answer: readonly Field[]
  readonly status: number
  readonly refusals: readonly Refusal[]
  readonly roles: readonly string[]
  readonly curl: string
}

/** What the reference page shows: all of it is already text. */
export interface ReferencePage {
  readonly title: string
  readonly version: string
  readonly description: string
  readonly tokenUrl: string
  readonly groups: readonly { readonly name: string; readonly operations: readonly ReferenceOperation[] }[]
  readonly refusals: readonly Refusal[]
}

export function referencePage(options: ApiDocumentOptions): ReferencePage {
  const document = apiDocument(options)
  const rolesOf = rolesByOperation(document['x-latchkey-roles'])
  const operations = [...describedRoutes(options.routes), ...(options.extraOperations ?? [])]
  const groups = Map.groupBy(operations, ({ tag }) => tag)
  return {
    title: document.info.title,
    version: document.info.version,
    description: document.info.description ?? '',
    tokenUrl: `${options.origin}/latchkey/oauth/token`,
    groups: [...groups].map(([name, grouped]) => ({
      name,
      operations: grouped.map((one) => referenceOperation(one, document, rolesOf, options.origin)),
    })),
    refusals: [...new Set(operations.flatMap(codesOf))].toSorted().map(refusal),
  }
}

type Document = ReturnType<typeof apiDocument>

function referenceOperation(
  operation: DescribedOperation,
  document: Document,
  rolesOf: ReadonlyMap<string, readonly string[]>,
  origin: string,
): ReferenceOperation {
  const { operationId, method, path, summary, description = '', status } = operation
  const written = Written.parse(Reflect.get(document.paths?.[path] ?? {}, method.toLowerCase()))
  const schemas = document.components?.schemas ?? {}
  const own = rolesOf.get(operationId) ?? []
  return {
    id: operationId,
    method,
    path,
    summary,
    description,
    parameters: written.parameters.map((one) => ({
      in: one.in,
      name: one.name,
      type: typeText(one.schema, schemas),
      required: one.required,
      description: one.description,
    })),
    body: fieldsOf(written.requestBody?.content['application/json']?.schema, schemas),
    answer: fieldsOf(written.responses[String(status)]?.content['application/json']?.schema, schemas),
    status,
    refusals: codesOf(operation).map(refusal),
    roles: [...own, 'admin', ...(method === 'GET' ? ['viewer'] : [])],
    curl: curlExample(operation, origin),
  }
}

const Media = z.record(z.string(), z.object({ schema: z.unknown().optional() })).default({})

/** The parts of an operation object that the page shows. */
const Written = z.object({
  parameters: z
    .array(
      z.object({
        in: z.string(),
        name: z.string(),
        required: z.boolean().default(false),
        description: z.string().default(''),
        schema: z.unknown(),
      }),
    )
    .default([]),
  requestBody: z.object({ content: Media }).optional(),
  responses: z.record(z.string(), z.object({ content: Media })),
})

const Roles = z.record(
  z.string(),
  z.object({ allow: z.array(z.object({ operations: z.array(z.string()) })) }),
)

function rolesByOperation(extension: unknown): ReadonlyMap<string, readonly string[]> {
  const byOperation = new Map<string, string[]>()
  for (const [role, { allow }] of Object.entries(Roles.parse(extension)))
    for (const id of allow.flatMap(({ operations }) => operations))
      byOperation.set(id, [...(byOperation.get(id) ?? []), role])
  return byOperation
}

function refusal(code: ErrorCode): Refusal {
  return { code, status: statusOf[code], title: titleOf[code] }
}
