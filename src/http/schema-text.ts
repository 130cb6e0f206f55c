import { z } from 'zod'

/** One member of an object, or one parameter, in words. */
export interface Field {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly description: string
}

/** What is read of a JSON Schema to put it into words; the rest is in the document itself. */
const Shape = z.object({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  format: z.string().optional(),
  description: z.string().optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).default([]),
})

type Schemas = Readonly<Record<string, unknown>>

/** The members of an object schema; none for anything else. */
export function fieldsOf(schema: unknown, schemas: Schemas): readonly Field[] {
  const { properties = {}, required } = resolved(schema, schemas)
  return Object.entries(properties).map(([name, member]) => ({
    name,
    type: typeText(member, schemas),
    required: required.includes(name),
    description: resolved(member, schemas).description ?? '',
  }))
}

const depthMax = 4

/** A schema's type in a few words: `string`, `list of integer`, `"live" or "test"`. */
export function typeText(schema: unknown, schemas: Schemas, depth = 0): string {
  const shape = resolved(schema, schemas)
  const of = (inner: unknown): string => (depth < depthMax ? typeText(inner, schemas, depth + 1) : '…')
  if (shape.enum !== undefined) return shape.enum.map((value) => JSON.stringify(value)).join(' or ')
  if (shape.const !== undefined) return JSON.stringify(shape.const)
  const alternatives = shape.anyOf ?? shape.oneOf
  if (alternatives !== undefined) return [...new Set(alternatives.map(of))].join(' or ')
  if (shape.type === 'array') return `list of ${of(shape.items)}`
  if (shape.type === undefined) return 'anything'
  const type = Array.isArray(shape.type) ? shape.type.join(' or ') : shape.type
  return shape.format === undefined ? type : `${type} (${shape.format})`
}

function resolved(schema: unknown, schemas: Schemas): z.output<typeof Shape> {
  const shape = Shape.safeParse(schema).data ?? { required: [] }
  const name = shape.$ref?.split('/').at(-1)
  return name === undefined ? shape : (Shape.safeParse(schemas[name]).data ?? { required: [] })
}
