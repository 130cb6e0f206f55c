import { anyObject, type ObjectPlaces, type ResponseObject } from '../evaluator/response/response-shapes.ts'
import { entries, isObject, items, type JsonObject, member } from './json-value.ts'
import { referenceOf, resolved, targetOf } from './references.ts'
import { alternativesOf, isNull, isOpen, typesOf } from './schema-keywords.ts'

/** Members of all objects, and the places that they name: they are kept with the service. */
const membersMax = 100_000
/** Characters of a name that count as one member more. */
const charactersPerMember = 32
/** Looks at schemas: more than there are members, where parts of parts are used again and again. */
const visitsMax = 1_000_000
/** References, lists and compositions within one another, of one value. */
const stepsMax = 64

/** The objects that the schemas of a document describe, each once: those that hold themselves are not unfolded. */
export interface ResponseObjects {
  /** What a value is; `any`: nothing, or more than is kept. */
  read(schema: unknown): ObjectPlaces | 'any'
  /** The same as far as members are named. */
  readNamed(schema: unknown): ObjectPlaces | 'any'
  all(): readonly ResponseObject[]
  /** More was described than is kept. */
  isCut(): boolean
}

export function responseObjects(document: JsonObject): ResponseObjects {
  return new Objects(document)
}

/**
 * How much a schema says of the names in a value, from less to more: nothing, that it is a scalar, that it is an object,
 * names of members.
 */
const degrees = ['nothing', 'scalar', 'object', 'members'] as const
type Degree = (typeof degrees)[number]

/** What the parts of one schema say together. */
interface Saying {
  readonly objects: Set<number>
  /** Parts that were looked at; one that leads back to itself says no more than that there is something. */
  readonly seen: Map<JsonObject, Degree>
  isAny: boolean
}

class Objects implements ResponseObjects {
  readonly #document: JsonObject
  readonly #objects: ResponseObject[] = [{ members: {}, open: true }]
  readonly #places = new Map<JsonObject, number>()
  readonly #closed = new Map<number, number>()
  readonly #unread: { readonly schema: JsonObject; readonly place: number }[] = []
  #membersLeft = membersMax
  #visitsLeft = visitsMax
  #isCut = false

  constructor(document: JsonObject) {
    this.#document = document
  }

  all(): readonly ResponseObject[] {
    return this.#objects
  }

  isCut(): boolean {
    return this.#isCut
  }

  read(schema: unknown): ObjectPlaces | 'any' {
    const places = this.#placesOf(schema)
    for (let next = this.#unread.pop(); next !== undefined; next = this.#unread.pop())
      this.#objects[next.place] = this.#objectOf(next.schema)
    this.#membersLeft -= places.length
    if (this.#membersLeft < 0) this.#isCut = true
    return places.includes(anyObject) || this.#membersLeft < 0 ? 'any' : places
  }

  readNamed(schema: unknown): ObjectPlaces | 'any' {
    const places = this.read(schema)
    return places === 'any' ? places : places.map((place) => this.#closedPlace(place))
  }

  #closedPlace(place: number): number {
    const object = this.#objects[place]
    if (object?.open !== true) return place
    const known = this.#closed.get(place)
    if (known !== undefined) return known
    const closed = this.#objects.push({ members: object.members }) - 1
    this.#closed.set(place, closed)
    return closed
  }

  #placesOf(schema: unknown): ObjectPlaces {
    const saying: Saying = { objects: new Set(), seen: new Map(), isAny: false }
    const degree = this.#say(schema, saying, 0)
    return saying.isAny || isVague(degree) ? [anyObject] : [...saying.objects]
  }

  /** Lists take no name: what is in them is what they are. */
  #say(schema: unknown, into: Saying, step: number): Degree {
    if (!isObject(schema)) return 'nothing'
    if (into.isAny) return 'object'
    // Each look counts, the second at a part, too.
    if (this.#visitsLeft-- <= 0 || step > stepsMax) {
      this.#isCut = true
      into.isAny = true
      return 'object'
    }
    const known = into.seen.get(schema)
    if (known !== undefined) return known
    into.seen.set(schema, 'object')
    const degree = this.#sayParts(schema, into, step)
    into.seen.set(schema, degree)
    return degree
  }

  #sayParts(schema: JsonObject, into: Saying, step: number): Degree {
    const all = items(member(schema, 'allOf')).map((part) => this.#say(part, into, step + 1))
    const parts = [this.#sayReferred(schema, into, step), this.#sayOwn(schema, into, step), ...all]
    const whole = most(parts)
    if (into.isAny) return whole
    const some = alternativesOf(schema)
    const kept = some.filter((one) => !isNull(resolved(this.#document, one)))
    this.#visitsLeft -= some.length - kept.length
    const either = kept.map((one) => this.#say(one, into, step + 1))
    // An alternative that names nothing leaves all that the whole allows, which is anything if that names nothing either.
    const isLeft = (one: Degree) => one === 'object' || (one === 'nothing' && isVague(whole))
    if (whole !== 'members' && either.some(isLeft)) into.isAny = true
    return most([whole, ...either])
  }

  /** OpenAPI 3.1: what stands beside a `$ref` holds as well; in 3.0 it is not valid, and does no harm. */
  #sayReferred(schema: JsonObject, into: Saying, step: number): Degree {
    const reference = referenceOf(schema)
    if (reference === undefined && !Object.hasOwn(schema, '$dynamicRef')) return 'nothing'
    const target = reference === undefined ? undefined : targetOf(this.#document, reference)
    // An anchor, or what only a validator finds.
    if (target === undefined) into.isAny = true
    return this.#say(target, into, step + 1)
  }

  #sayOwn(schema: JsonObject, into: Saying, step: number): Degree {
    const types = typesOf(schema)
    const [type] = types
    if (types.length > 1) into.isAny = true
    if (type === 'array') return this.#sayItems(schema, into, step)
    if (type === 'object') return this.#sayObject(schema, into)
    return types.length === 0 ? 'nothing' : 'scalar'
  }

  #sayItems(schema: JsonObject, into: Saying, step: number): Degree {
    const parts = [...items(member(schema, 'prefixItems')), member(schema, 'items')]
    const of = parts.filter((part) => part !== undefined && part !== false)
    const said = of.map((part) => this.#say(part, into, step + 1))
    if (said.length === 0 || said.some(isVague)) into.isAny = true
    return most(said)
  }

  #sayObject(schema: JsonObject, into: Saying): Degree {
    if (entries(member(schema, 'properties')).length === 0) {
      if (isOpen(schema)) into.isAny = true
      return 'object'
    }
    const known = this.#places.get(schema)
    const place = known ?? this.#objects.push({ members: {} }) - 1
    if (known === undefined) {
      this.#places.set(schema, place)
      this.#unread.push({ schema, place })
    }
    into.objects.add(place)
    return 'members'
  }

  #objectOf(schema: JsonObject): ResponseObject {
    const members: [string, ObjectPlaces][] = []
    for (const [name, value] of entries(member(schema, 'properties'))) {
      const places = this.#placesOf(value)
      this.#membersLeft -= 1 + places.length + Math.floor(name.length / charactersPerMember)
      if (this.#membersLeft < 0) {
        this.#isCut = true
        return { members: Object.fromEntries(members), open: true }
      }
      members.push([name, places])
    }
    return { members: Object.fromEntries(members), ...(isOpen(schema) ? { open: true as const } : {}) }
  }
}

function most(said: readonly Degree[]): Degree {
  return degrees.findLast((degree) => said.includes(degree)) ?? 'nothing'
}

/** Any name may be in a value of which no more is said. */
function isVague(degree: Degree): boolean {
  return degree === 'nothing' || degree === 'object'
}
