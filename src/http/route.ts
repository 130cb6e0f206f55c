import type { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import type { Limits } from '../evaluator/limits.ts'
import type { Tags } from '../evaluator/model.ts'
import type { OrganizationId } from '../ids.ts'

/** Who calls the management API, as its verified token says. */
export interface Principal {
  readonly kind: 'key' | 'user'
  readonly id: string
  /** In which the principal's role is. */
  readonly organizationId: OrganizationId
  /** The principal's own, where the role is another's that was assumed. */
  readonly homeOrganizationId?: OrganizationId
  readonly requestId: string
  readonly address: string
  /** The principal's own, in the organization of the request: none in another than its own. */
  readonly tags?: Tags
  /**
   * Whether the principal's roles allow this operation of the service `latchkey`, in the organization of the request.
   * @param limits how far, for the rule about giving; absent: without any limit
   */
  holds(operationId: string, limits?: Limits): boolean
}

export interface RouteInput<Body, Query> {
  readonly principal: Principal
  /** From the path, already checked; the operator's own where the path names none. */
  readonly organizationId: OrganizationId
  /** Path parameters, decoded once. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  /** The version that `If-Match` names: a use case that loads another throws `precondition_failed`. */
  readonly ifMatch: number | undefined
}

/** What a handler answers: the wire's body, and what belongs into headers. */
export interface Answer<T> {
  readonly body: T
  /** The body is a text of this media type and goes out as it is, not as JSON. */
  readonly mediaType?: string
  /** Becomes the `ETag`. */
  readonly version?: number
  /** The path of what was made, below `/api/v1`. */
  readonly location?: string
}

type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** One operation of the management API, as data: the router, the OpenAPI document and the tests are made from it. */
export interface Route {
  readonly operationId: string
  readonly method: HttpMethod
  /** Below `/api/v1`, with `{parameters}`. `{organization}` must be the token's own, save for the operator. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  readonly tag: string
  /** What each path parameter is, in a few words; ids are checked by their prefix. */
  readonly params: Readonly<Record<string, string>>
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  /** Where a body may be larger than 1 MB or is not JSON: how it comes. */
  readonly bodyIs?: 'document'
  readonly status: 200 | 201 | 202 | 204
  readonly answer?: z.ZodType
  /** An example of the body sent, for the document. */
  readonly example?: unknown
  readonly errors: readonly ErrorCode[]
  handle(input: RouteInput<unknown, unknown>): Promise<Answer<unknown>>
}

interface RouteSpec<B extends z.ZodType, Q extends z.ZodObject, A extends z.ZodType>
  extends Omit<Route, 'body' | 'query' | 'answer' | 'handle'> {
  readonly body?: B
  readonly query?: Q
  readonly answer?: A
  handle(input: RouteInput<z.output<B>, z.output<Q>>): Promise<Answer<z.input<A>>>
}

/** Declares an operation; the handler sees what its schemas have parsed. */
export function route<B extends z.ZodType, Q extends z.ZodObject, A extends z.ZodType>(
  spec: RouteSpec<B, Q, A>,
): Route {
  // Sound because `src/http` parses body and query with these very schemas before it calls the handler.
  return spec as unknown as Route
}
