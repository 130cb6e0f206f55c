import type { FilterStatement, ResourceFact, ServiceModel, Statement, Tags } from '../evaluator/model.ts'

/** What ends tokens before their time, on the wire. */
export type WireRevocation =
  | { readonly kind: 'authority'; readonly of: string; readonly lowest: number; readonly forget_at: string }
  | { readonly kind: 'jti'; readonly jti: string; readonly forget_at: string }
  | { readonly kind: 'grant'; readonly grant_id: string; readonly forget_at: string }
  | { readonly kind: 'role'; readonly role_id: string; readonly forget_at: string }
  | { readonly kind: 'signing_key'; readonly kid: string; readonly forget_at: string }

/** `GET /{service}/bundle`: what a guard needs to decide without asking, small whatever the number of customers. */
export interface Bundle {
  /** The position in the feed of changes up to which it is true. */
  readonly position: number
  /** The server's time, RFC 3339. */
  readonly server_time: string
  readonly service: {
    readonly id: string
    readonly slug: string
    readonly issuer: string
    readonly audience: string
    readonly access_token_ttl_seconds: number
  }
  readonly model: ServiceModel
  /** The public halves of the signing keys: a JWK set (RFC 7517 §5). */
  readonly signing_keys: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  readonly revocations: readonly WireRevocation[]
}

/** `POST /{service}/facts`: what is asked about, up to 100 of each; resources by their names. */
export interface FactsQuestion {
  readonly roles: readonly string[]
  readonly organizations: readonly string[]
  readonly resources: readonly string[]
}

export type FactKind = keyof FactsQuestion

export interface RoleFact {
  readonly organization_id: string
  readonly allow: readonly Statement[]
  readonly filter?: readonly FilterStatement[]
}

export interface OrganizationFact {
  readonly state: 'active' | 'suspended'
  /** Names of the service-defined roles that the organization may use. */
  readonly entitlement: readonly string[]
}

/** The answer: `null` for what does not exist, or is not of this service. */
export interface Facts {
  readonly position: number
  readonly roles: Readonly<Record<string, RoleFact | null>>
  readonly organizations: Readonly<Record<string, OrganizationFact | null>>
  readonly resources: Readonly<Record<string, ResourceFact | null>>
}

/**
 * The bundle's address with `Accept: text/event-stream`: server-sent events whose `id:` is the position.
 * `change` names what a guard must drop or take in; `reset` says to fetch all anew; `heartbeat` comes each second.
 */
export type StreamEvent =
  | {
      readonly event: 'change'
      /** The document, the settings or the signing keys changed: fetch the bundle again. */
      readonly bundle?: true
      readonly revocations?: readonly WireRevocation[]
      /** Facts to forget. */
      readonly roles?: readonly string[]
      readonly organizations?: readonly string[]
      /** By their names. */
      readonly resources?: readonly string[]
    }
  | { readonly event: 'reset' }
  | { readonly event: 'heartbeat'; readonly position: number; readonly feed_age_ms: number }

/** `POST /{service}/resources`: what an API has made, and whose it is. */
export interface NewResource {
  /** As in a request: `/clusters/c1`. */
  readonly path: string
  /** Where its ids are unique, if the document says that they are so within a parameter of the path. */
  readonly namespace?: string
  /** The owner's id. */
  readonly organization: string
}

/** The answer, as far as a guard needs it. */
export interface RegisteredResource {
  /** What guards call it. */
  readonly name: string
  readonly organization_id: string
  readonly tags: Tags
}
