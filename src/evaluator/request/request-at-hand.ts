import type { Operation, QueryRule } from '../model.ts'
import { BodyFields } from './body-fields.ts'
import { type BodyAtHand, type JsonBody, jsonBody } from './json-body.ts'
import { type QueryParameter, queryParameters } from './query-parameters.ts'

/** One field of the query: a parameter, or a member of one that the document declares as `deepObject`. */
export interface QueryField {
  /** The parameter's name, and the member's. */
  readonly path: readonly [string] | readonly [string, string]
  readonly rule: QueryRule | undefined
  readonly sent: QueryParameter
}

/** The query's fields, or why none can be told: `not_at_hand` where there is no request yet. */
export type QueryAtHand = readonly QueryField[] | 'ambiguous_request' | 'not_at_hand'

/** What was sent, whichever operation it is for. Read when it is first looked at, and once. */
export class RequestContent {
  readonly #target: string | undefined
  readonly #body: BodyAtHand | undefined
  #parameters: ReturnType<typeof queryParameters> | undefined
  #json: JsonBody | undefined
  #bodyFields: BodyFields | undefined

  /**
   * @param target the request's target as it was sent, `/path?query`; absent: there is no request yet, and nothing is
   * known of its query, nor of parameters of its path that are not given beside
   * @param body absent: nothing is known of the body
   */
  constructor(target: string | undefined, body?: BodyAtHand) {
    this.#target = target
    this.#body = body
  }

  /** The same body with another target: it is not read again. */
  at(target: string): RequestContent {
    const content = new RequestContent(target, this.#body)
    content.#json = this.json
    content.#bodyFields = this.bodyFields
    return content
  }

  get isBodyKnown(): boolean {
    return this.#body !== undefined
  }

  get isTargetKnown(): boolean {
    return this.#target !== undefined
  }

  get parameters(): ReturnType<typeof queryParameters> | 'not_at_hand' {
    if (this.#target === undefined) return 'not_at_hand'
    this.#parameters ??= queryParameters(this.#target)
    return this.#parameters
  }

  get json(): JsonBody {
    this.#json ??= jsonBody(this.#body)
    return this.#json
  }

  /** Of a body that is JSON. */
  get bodyFields(): BodyFields | undefined {
    const { json } = this
    if (this.#bodyFields === undefined && json.kind === 'json') this.#bodyFields = new BodyFields(json.value)
    return this.#bodyFields
  }
}

/** Where the path's parameters come from, when they are asked for. */
interface PathAtHand {
  readonly parameters: Readonly<Record<string, string>>
}

/** Of these, a body has no meaning of its own (RFC 9110 §9.3), so that one that nobody declared needs no look. */
const withoutBody: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

/**
 * What is at hand of one request to one operation, as the operation's document has it read. Made lazily: a decision that
 * asks for no field reads neither query nor body, and is not concerned with what is ambiguous there.
 */
export class RequestAtHand {
  readonly operation: Operation
  readonly #path: PathAtHand
  readonly #content: RequestContent
  #query: QueryAtHand | undefined

  constructor(operation: Operation, path: PathAtHand, content: RequestContent) {
    this.operation = operation
    this.#path = path
    this.#content = content
  }

  /** Path parameters, decoded once. */
  get parameters(): Readonly<Record<string, string>> {
    return this.#path.parameters
  }

  /**
   * The query's fields as they were sent. Ambiguous if it cannot be read exactly, or if a parameter that the document
   * does not declare as an array stands twice: some APIs take the first, others the last, or both.
   */
  get query(): QueryAtHand {
    this.#query ??= queryFields(this.operation.request?.query ?? {}, this.#content.parameters)
    return this.#query
  }

  get isTargetKnown(): boolean {
    return this.#content.isTargetKnown
  }

  /** Whether both query and body can be looked at, for better or worse. */
  get isAllAtHand(): boolean {
    return this.query !== 'not_at_hand' && this.body.kind !== 'body_required'
  }

  get body(): JsonBody {
    const { request, method } = this.operation
    const takesBody = request?.body !== undefined || request?.otherBody === true || !withoutBody.has(method)
    return takesBody || this.#content.isBodyKnown ? this.#content.json : noBody
  }

  /** Of `body`, where that is JSON. */
  get bodyFields(): BodyFields | undefined {
    return this.body.kind === 'json' ? this.#content.bodyFields : undefined
  }
}

const noBody: JsonBody = { kind: 'none' }

function queryFields(
  rules: Readonly<Record<string, QueryRule>>,
  parameters: RequestContent['parameters'],
): QueryAtHand {
  if (typeof parameters === 'string') return parameters
  const fields: QueryField[] = []
  const seen = new Set<string>()
  for (const sent of parameters) {
    const field = fieldOf(rules, sent)
    if (field === undefined) return 'ambiguous_request'
    const mayRepeat = field.rule?.array === 'repeated' || field.rule?.unreadable === true
    if (!mayRepeat && seen.has(sent.name)) return 'ambiguous_request'
    seen.add(sent.name)
    fields.push(field)
  }
  return fields
}

/** `undefined` for what looks like a member of a declared object and is not written like one: readers differ on it. */
function fieldOf(rules: Readonly<Record<string, QueryRule>>, sent: QueryParameter): QueryField | undefined {
  const { name } = sent
  const bracket = name.indexOf('[')
  const own = Object.hasOwn(rules, name) ? rules[name] : undefined
  if (own !== undefined || bracket < 0) return { path: [name], rule: own, sent }
  const base = name.slice(0, bracket)
  const rule = Object.hasOwn(rules, base) ? rules[base] : undefined
  if (rule?.deepObject === undefined) return { path: [name], rule: undefined, sent }
  const member = name.slice(bracket + 1, -1)
  const isOneMember = name.endsWith(']') && member !== '' && !member.includes('[') && !member.includes(']')
  return isOneMember ? { path: [base, member], rule, sent } : undefined
}
