import { anyName, type PatternStep } from '../request/field-pattern.ts'

/**
 * What a document says of the responses of its operations, as far as the names in them go: for who saves a filter, and
 * not for decisions, so that no guard is sent it. Plain JSON.
 */
export interface ResponseShapes {
  /** The first one may have any members. They name one another by their places here, themselves too. */
  readonly objects: readonly ResponseObject[]
  /** By an operation's id, the objects that its responses are, or lists of them. Absent: the document does not say. */
  readonly operations: Readonly<Record<string, ObjectPlaces>>
}

export interface ResponseObject {
  readonly members: Readonly<Record<string, ObjectPlaces>>
  /** Members of other names may come. */
  readonly open?: true
}

/** Objects by their places: a value is one of them, or a list of them, or a scalar. None: a scalar. */
export type ObjectPlaces = readonly number[]

/** The object that may have any members. */
export const anyObject = 0

/**
 * How many objects and members are still looked at. Where many objects may hold one another, all of them stand at each
 * place, and the places are without end.
 */
export interface LooksLeft {
  looks: number
}

/** A place in responses, by all the objects that may stand there. What is under it is looked up once. */
export class ResponsePlace {
  readonly #shapes: ResponseShapes
  readonly #objects: ReadonlySet<number>
  readonly #left: LooksLeft
  #under: Map<PatternStep, ResponsePlace | undefined> | undefined

  constructor(shapes: ResponseShapes, objects: Iterable<number>, left: LooksLeft) {
    this.#shapes = shapes
    this.#objects = new Set(objects)
    this.#left = left
  }

  /** `undefined`: no object that may stand here has such a member. Once no looks are left, any member may be here. */
  under(step: PatternStep): ResponsePlace | undefined {
    this.#under ??= new Map()
    const known = this.#under.get(step)
    if (known !== undefined || this.#under.has(step)) return known
    if (this.#left.looks <= 0) return this
    const place = this.#lookUnder(step)
    this.#under.set(step, place)
    return place
  }

  #lookUnder(step: PatternStep): ResponsePlace | undefined {
    const found: ObjectPlaces[] = []
    for (const { members, open } of this.#here()) {
      const own = step !== anyName && Object.hasOwn(members, step) ? members[step] : undefined
      if (own !== undefined) found.push(own)
      else if (open === true) found.push([anyObject])
      if (step === anyName) found.push(...Object.values(members))
    }
    const objects = found.flat()
    this.#left.looks -= this.#objects.size + found.length + objects.length
    return found.length === 0 ? undefined : new ResponsePlace(this.#shapes, objects, this.#left)
  }

  /** The names that the document gives to members of what stands here. */
  names(): ReadonlySet<string> {
    const names = this.#here().flatMap(({ members }) => Object.keys(members))
    this.#left.looks -= this.#objects.size + names.length
    return new Set(names)
  }

  #here(): readonly ResponseObject[] {
    return Array.from(this.#objects, (index) => this.#shapes.objects[index]).filter(
      (one) => one !== undefined,
    )
  }
}
