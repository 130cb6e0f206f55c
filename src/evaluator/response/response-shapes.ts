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

/** A place in responses, by all the objects that may stand there. What is under it is looked up once. */
export class ResponsePlace {
  readonly #shapes: ResponseShapes
  readonly #objects: ReadonlySet<number>
  readonly #under = new Map<PatternStep, ResponsePlace | undefined>()

  constructor(shapes: ResponseShapes, objects: Iterable<number>) {
    this.#shapes = shapes
    this.#objects = new Set(objects)
  }

  /** `undefined`: no object that may stand here has such a member. */
  under(step: PatternStep): ResponsePlace | undefined {
    if (this.#under.has(step)) return this.#under.get(step)
    const found = [...this.#membersCalled(step)]
    const place = found.length === 0 ? undefined : new ResponsePlace(this.#shapes, found.flat())
    this.#under.set(step, place)
    return place
  }

  /** The names that the document gives to members of what stands here. */
  names(): ReadonlySet<string> {
    return new Set([...this.#here()].flatMap(({ members }) => Object.keys(members)))
  }

  *#here(): Iterable<ResponseObject> {
    for (const index of this.#objects) {
      const object = this.#shapes.objects[index]
      if (object !== undefined) yield object
    }
  }

  *#membersCalled(step: PatternStep): Iterable<ObjectPlaces> {
    for (const { members, open } of this.#here()) {
      if (step === anyName) yield* Object.values(members)
      else if (Object.hasOwn(members, step)) yield members[step] ?? []
      else if (open === true) yield [anyObject]
      if (step === anyName && open === true) yield [anyObject]
    }
  }
}
