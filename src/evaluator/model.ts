/** The HTTP methods that an OpenAPI document can describe, in upper case. */
export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const
export type Method = (typeof methods)[number]

/** What a path parameter's value must be; the part of its JSON Schema that can be checked without a validator. */
export interface ParameterRule {
  readonly type?: 'string' | 'integer' | 'number' | 'boolean'
  readonly enum?: readonly string[]
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly format?: 'uuid'
  /** The value takes the rest of the path (`x-latchkey-multi-segment`). */
  readonly multiSegment?: true
  /** `%2F` may stand in the value (`x-latchkey-encoded-slash`). */
  readonly encodedSlash?: true
}

export type ScalarType = NonNullable<ParameterRule['type']>

/**
 * What the document says of a JSON value, as far as fields and conditions need it. `any`: nothing, several things, or
 * more than is kept. `null` is left out: it may stand anywhere.
 */
export type ValueShape = ScalarType | 'any' | ArrayShape | ObjectShape

export interface ArrayShape {
  /** What each item is. */
  readonly items: ValueShape
}

export interface ObjectShape {
  readonly members: Readonly<Record<string, ValueShape>>
  /** The document says that members of other names may come. */
  readonly open?: true
}

/** How the values of an array stand in a query: a parameter each, or one parameter with delimiters. */
export type QueryArray = 'repeated' | 'comma' | 'space' | 'pipe'

/** What the document says of one query parameter. */
export interface QueryRule {
  /** Of the value, or of each one of an array. Absent: any. */
  readonly type?: ScalarType
  readonly array?: QueryArray
  /** Members stand as `name[member]=value` (`style: deepObject`). */
  readonly deepObject?: ObjectShape
  /** Its values cannot be read exactly, so that only its name is looked at. */
  readonly unreadable?: true
}

/** What may be sent with an operation's request, beside the path: what the document declares of it. */
export interface RequestShape {
  /** Query parameters by name. Absent: none. */
  readonly query?: Readonly<Record<string, QueryRule>>
  /** The body as JSON. Absent: the operation takes none. */
  readonly body?: ValueShape
  /** The body may be, or must be, of a media type that is not JSON, or is a JSON Patch (RFC 6902). */
  readonly otherBody?: true
}

/** How lately and how well a person must have signed in (RFC 9470). At least one of the two. */
export interface StepUp {
  readonly maxAgeSeconds?: number
  /** Any one of them is enough. */
  readonly acrValues?: readonly string[]
}

/** Where a resource's ids are unique: in the caller's organization, or under the value of a path parameter. */
export type ResourceNamespace = 'organization' | { readonly parameter: string }

/** The resource that an operation makes. */
export interface CreatedResource {
  /** Its path template; all parameters but the last one are the operation's own. */
  readonly resource: string
  /** Where in the JSON of the answer the last one's value is: a JSON pointer (RFC 6901). */
  readonly id: string
}

/** One method on one path template of a service. */
export interface Operation {
  /** The document's `operationId`; where it has none, `METHOD /path`. Unique within the service. */
  readonly id: string
  readonly method: Method
  /** The template as the document writes it, without the base path of `servers`. */
  readonly path: string
  readonly summary?: string
  readonly deprecated?: true
  /** The document says that anybody may call it: `security: []` or an alternative `{}`. */
  readonly public?: true
  /** Path parameters by name. */
  readonly parameters: Readonly<Record<string, ParameterRule>>
  /** Query and body. Absent: the document declares neither. */
  readonly request?: RequestShape
  /** Scopes that open it: any one alternative, with all of its names. Empty: only statements of roles open it. */
  readonly alternatives: readonly (readonly string[])[]
  /** The path parameter that must equal the token's `org_id` (`x-latchkey-organization`). */
  readonly organizationParameter?: string
  /** Asked of people, once all else allows it (`x-latchkey-step-up`). */
  readonly stepUp?: StepUp
  /**
   * Where the resource ends: the name of a path parameter (`x-latchkey-resource`), else the last one that does not say
   * which organization. Absent: the operation acts on no resource.
   */
  readonly resourceParameter?: string
  /** Absent: the resource's ids are unique by themselves (`x-latchkey-namespace`). */
  readonly namespace?: ResourceNamespace
  /** `x-latchkey-creates`. */
  readonly creates?: CreatedResource
}

/** Allows operations, by their ids. */
export interface Statement {
  readonly operations: readonly string[]
  /** Only where this holds: a condition as it is printed. Absent: all tags of a resource must match the principal's. */
  readonly where?: string
  /** Only where the request holds nothing else: fields as they are printed. Absent: any. */
  readonly fields?: readonly string[]
}

/** What is shown of responses of operations that the role allows. Without one for an operation: the whole response. */
export interface FilterStatement {
  readonly operations: readonly string[]
  /** The fields that are shown, as they are printed. */
  readonly fields: readonly string[]
  /** Stands in place of what is not shown. Absent: that is left out. */
  readonly mask?: string
}

/** A role that the document defines. Those that are declared scopes are opened through `alternatives`, too. */
export interface ServiceRole {
  readonly name: string
  readonly description?: string
  /** Customers' keys and users may hold it. */
  readonly grantable: boolean
  /** Granted to every organization unless its entitlement says otherwise. Only grantable roles. */
  readonly inDefaultEntitlement: boolean
  /** Apps may ask for it as a scope: declared scopes only. */
  readonly delegable: boolean
  /** Passes `x-latchkey-organization` for any organization; only where not grantable. */
  readonly anyOrganization?: true
  /** Names of roles that this one holds as well. */
  readonly include: readonly string[]
  readonly allow: readonly Statement[]
  /** Of what this role allows itself, or by a scope. Absent: it shows whole responses. */
  readonly filter?: readonly FilterStatement[]
}

/** All that a decision needs to know of a service: what its document says. Plain JSON. */
export interface ServiceModel {
  /** Path prefixes of `servers`, without a trailing slash; `''` for none. */
  readonly basePaths: readonly string[]
  /** The API's router tells case and trailing slashes apart (`x-latchkey-strict-paths` at the root). */
  readonly strictPaths?: true
  /** Who knows its resources, if not the API itself: set by the service's owner, not by the document. */
  readonly resources?: 'latchkey'
  /** The owner lets organizations share a resource with anyone: access tags may say `*`. */
  readonly sharedWithAnyone?: true
  readonly operations: readonly Operation[]
  readonly roles: readonly ServiceRole[]
}

/** An organization-defined role, as a decision needs it. */
export interface OrganizationRole {
  readonly id: string
  readonly organizationId: string
  readonly allow: readonly Statement[]
  /** Absent: it shows whole responses. */
  readonly filter?: readonly FilterStatement[]
}

/** Of a principal or a resource: keys with one or more values each, both compared without case. */
export type Tags = Readonly<Record<string, readonly string[]>>

/** By what somebody acts in a role of another organization (RFC 8693 §4.1). */
export interface Assumed {
  /** The assumption. */
  readonly id: string
  /** Whose principal it is that acts. */
  readonly organizationId: string
}

/** What decisions need of a registered resource. */
export interface ResourceFact {
  /** The organization that owns it. */
  readonly owner: string
  readonly tags: Tags
}

/** Who calls, as the verified token says. */
export interface Caller {
  readonly kind: 'key' | 'user'
  readonly id: string
  readonly organizationId: string
  /** Names of service-defined roles, ids of organization-defined ones. */
  readonly roles: readonly string[]
  /** Present if the token has `scope`: it narrows. */
  readonly scope?: readonly string[]
  /** The principal's own. Absent: it has none. */
  readonly tags?: Tags
  /** Present if the role is another organization's, which lets it be taken: `organizationId` above is that one. */
  readonly assumed?: Assumed
  /** A person who acts themselves, through no app: no scope bounds what their roles allow. Never so by a token. */
  readonly inPerson?: true
}

/** Why a decision came out as it did: stable API. */
export type ReasonCode =
  | 'allowed'
  | 'public'
  | 'invalid_token'
  | 'token_revoked'
  | 'ambiguous_path'
  | 'ambiguous_request'
  | 'unknown_operation'
  | 'method_not_allowed'
  | 'no_role'
  | 'operation_not_in_role'
  | 'insufficient_scope'
  | 'insufficient_user_authentication'
  | 'field_not_allowed'
  | 'body_required'
  | 'filter_required'
  | 'condition_false'
  | 'condition_unknown'
  | 'unknown_resource'
  | 'tag_mismatch'
  | 'stale_bundle'

export type DenialReason = Exclude<ReasonCode, 'allowed' | 'public'>
