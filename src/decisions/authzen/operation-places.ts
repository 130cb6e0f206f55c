import type { CompiledModel } from '../../evaluator/compile-model.ts'
import type { Operation } from '../../evaluator/model.ts'
import { type PathTemplate, pathTemplate, shapeOf } from '../../evaluator/path-template.ts'
import { derived } from '../../storage/derived.ts'

/** What an operation acts on, as resources are named in the AuthZEN API by `type` and `id`. */
export interface OperationPlace {
  readonly operation: Operation
  /** As the operation's own path is read. */
  readonly path: PathTemplate
  /** The resource's path template; of an operation that acts on no resource, its own. */
  readonly template: string
  readonly shape: string
  readonly actsOnResource: boolean
  /** The parameters of the template: those that `id` gives. */
  readonly ids: readonly string[]
}

/** The places of a service's operations, in the order of its document. */
export const operationPlaces = derived(({ model, resources }: CompiledModel): readonly OperationPlace[] =>
  model.operations.map((operation, index) => {
    const resource = resources.ofOperations[index]?.ends[0].template
    const path = pathTemplate(operation.path)
    const shape = resource?.shape ?? shapeOf(operation.path)
    const ids = path.names.slice(0, shape.split('{}').length - 1)
    const template = resource === undefined ? operation.path : ownTemplate(operation.path, shape)
    return { operation, path, template, shape, actsOnResource: resource !== undefined, ids }
  }),
)

/** As this operation writes it: another one may call the parameters otherwise. */
function ownTemplate(path: string, shape: string): string {
  return path.split('/').slice(0, shape.split('/').length).join('/')
}

/**
 * Whether a place is of a type: `/clusters/{clusterId}`, whatever its parameters are called, or the last name before the
 * id, `clusters`, of which the plural may be left out: `cluster`.
 */
export function isOfType({ shape }: OperationPlace, type: string): boolean {
  if (type.startsWith('/')) return shapeOf(type) === shape
  const name = nameOf(shape)
  return name !== undefined && [name, ...singularsOf(name)].includes(type)
}

/** The shortest name of a place's type that `isOfType` knows again. */
function nameOf(shape: string): string | undefined {
  return shape.split('/').findLast((segment) => segment !== '' && !segment.includes('{}'))
}

function singularsOf(name: string): readonly string[] {
  const singulars: string[] = []
  if (name.endsWith('s')) singulars.push(name.slice(0, -1))
  if (name.endsWith('es')) singulars.push(name.slice(0, -2))
  if (name.endsWith('ies')) singulars.push(`${name.slice(0, -3)}y`)
  return singulars
}

/**
 * The values of a place's parameters that an `id` gives: the one id as it is; several with slashes between, each
 * percent-encoded; or the resource's name, `/clusters/{c1}/nodes/{n7}`. `undefined`: it gives others than these.
 */
export function idsIn({ ids, shape }: OperationPlace, id: string): readonly string[] | undefined {
  if (ids.length === 0) return []
  const named = idsInName(shape, id)
  if (named !== undefined) return named
  if (ids.length === 1) return id === '' ? undefined : [id]
  const parts = id.split('/').map(decoded)
  return parts.length === ids.length && parts.every(isSome) ? parts : undefined
}

function idsInName(shape: string, id: string): readonly string[] | undefined {
  // A namespace before it says where the ids are unique; the path says it anew.
  const name = id.startsWith('{') ? id.slice(id.indexOf('}') + 1) : id
  if (!name.startsWith('/') || shapeOf(name) !== shape) return undefined
  const ids = Array.from(name.matchAll(/\{([^{}]*)\}/g), ([, one = '']) => decoded(one))
  return ids.every(isSome) ? ids : undefined
}

function isSome(text: string | undefined): text is string {
  return text !== undefined && text !== ''
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    if (cause instanceof URIError) return undefined
    throw cause
  }
}

/** How ids are called where `idsIn` reads them: the one id as it is, or all of them. */
export function idOf(ids: readonly string[]): string {
  const [only, ...others] = ids
  return only !== undefined && others.length === 0 ? only : ids.map(encodeURIComponent).join('/')
}
