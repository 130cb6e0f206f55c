import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import type { ServiceModel } from '../evaluator/model.ts'
import type { ResponseShapes } from '../evaluator/response/response-shapes.ts'
import type { ServiceId, SigningKeyId } from '../ids.ts'
import { sealedUnder } from '../secrets/sealed-under.ts'
import type { Collection, Stored } from '../storage/ports.ts'
import type { SignInSettings } from './sign-in.ts'

export const signingAlgorithms = ['ES256', 'RS256', 'EdDSA'] as const
export type SigningAlgorithm = (typeof signingAlgorithms)[number]

/** `next` is published and not yet used; `retiring` is published until the last token that it signed has ended. */
export type SigningKeyState =
  | { readonly kind: 'next' }
  | { readonly kind: 'active' }
  | { readonly kind: 'retiring'; readonly endsAt: EpochMs }

export interface SigningKey {
  /** Also the `kid`. */
  readonly id: SigningKeyId
  readonly algorithm: SigningAlgorithm
  /** The public half, as a JWK with `kid`, `alg` and `use`. */
  readonly publicJwk: Readonly<Record<string, string>>
  /** The private JWK, sealed under the label `signing-keys` and bound to the key's id. */
  readonly sealedPrivateJwk: string
  readonly state: SigningKeyState
  readonly createdAt: EpochMs
}

/** Who a user is that the AuthZEN API of a service is asked about. */
export interface AuthzenRules {
  /** An id without `@` is the address there: `alice` is `alice@` of it. */
  readonly userDomain?: string
  /** The role, in the organization that owns the service, of users who have none there. Absent: they are refused. */
  readonly unknownUsersRole?: string
}

/** An API that is protected, described by one OpenAPI document. Its owner's organization comes as `organizationId`. */
export interface Service extends Stored {
  readonly id: ServiceId
  /** The first path segment of its issuer: 3–40 of `a-z0-9-`. */
  readonly slug: string
  readonly kind: 'system' | 'api'
  readonly title: string
  /** The API's base URL: `aud` of every token. */
  readonly audience: string
  /** The audience was given, and later documents do not change it. */
  readonly audienceGiven?: true
  readonly accessTokenTtlSeconds: number
  readonly signingAlgorithm: SigningAlgorithm
  readonly signingKeys: readonly SigningKey[]
  /** Grows with every accepted document. */
  readonly documentVersion: number
  readonly model: ServiceModel
  /** For who saves filters. Absent: its document was read by a version of the product that kept none of it. */
  readonly responses?: ResponseShapes
  /** What was set of how people and apps sign in; `signInOf` adds the defaults. */
  readonly signIn?: Partial<SignInSettings>
  /** What was said of users that its AuthZEN API is asked about. */
  readonly authzen?: AuthzenRules
  readonly createdAt: EpochMs
}

export const services: Collection<Service> = {
  name: 'services',
  schema: z.custom<Service>((value) => typeof value === 'object' && value !== null),
  indexes: {
    owner: { keys: () => [''] },
    all: { keys: () => [''], deploymentWide: true },
    id: { keys: (service) => [service.id], unique: true, deploymentWide: true },
    sealedUnder: sealedUnder(({ signingKeys }) => signingKeys.map((key) => key.sealedPrivateJwk)),
    slug: { keys: (service) => [service.slug], unique: true, deploymentWide: true },
  },
}
