import type { Operation, RequestShape, ValueShape } from '../model.ts'
import { nearest } from '../nearest.ts'
import type { RequestPlace } from '../where/condition.ts'
import { itemOf } from './request-source.ts'

/** A place that a document names. */
export interface DeclaredField {
  readonly in: RequestPlace
  readonly path: readonly string[]
}

/** As many are looked through for what was meant. */
const fieldsMax = 2_000
const shownMax = 8

/** What the document names of an operation's requests: parameters first. */
export function declaredFields({ parameters, request }: Operation): readonly DeclaredField[] {
  const ofPath = Object.keys(parameters).map((name): DeclaredField => ({ in: 'path', path: [name] }))
  return [...ofPath, ...declaredToSend(request)].slice(0, fieldsMax)
}

/** The same without the path: what `fields` may list. */
export function declaredToSend(request: RequestShape | undefined): readonly DeclaredField[] {
  const fields: DeclaredField[] = []
  for (const [name, { deepObject }] of Object.entries(request?.query ?? {})) {
    fields.push({ in: 'query', path: [name] })
    if (deepObject !== undefined) collect(fields, 'query', deepObject, [name])
  }
  if (request?.body !== undefined) collect(fields, 'body', request.body, [])
  return fields
}

function collect(
  fields: DeclaredField[],
  place: RequestPlace,
  shape: ValueShape,
  path: readonly string[],
): void {
  const object = itemOf(shape)
  if (typeof object === 'string' || !('members' in object)) return
  for (const [name, member] of Object.entries(object.members)) {
    if (fields.length >= fieldsMax) return
    const next = [...path, name]
    fields.push({ in: place, path: next })
    collect(fields, place, member, next)
  }
}

/** What to write instead of a place that nobody declares: the nearest one, or one of that name elsewhere, or what there is. */
export function fixFor<F extends { readonly path: readonly string[] }>(
  path: readonly string[],
  fields: readonly F[],
  print: (field: F) => string,
): string {
  if (fields.length === 0) return 'the document declares nothing here'
  const byNames = new Map(fields.map((field) => [field.path.join('.'), field]))
  const near = nearest(path.join('.'), byNames.keys())
  const meant =
    near === undefined ? fields.find((field) => field.path.at(-1) === path.at(-1)) : byNames.get(near)
  if (meant !== undefined) return `did you mean ${print(meant)}?`
  const more = fields.length > shownMax ? `, and ${fields.length - shownMax} more` : ''
  return `declared are ${fields.slice(0, shownMax).map(print).join(', ')}${more}`
}
