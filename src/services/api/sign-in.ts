import { z } from 'zod'
import { actorOf } from '../../audit/actor.ts'
import { type Route, route } from '../../http/route.ts'
import { displayName } from '../../organizations/display-name.ts'
import { changeSignIn, type SignInChange } from '../change-sign-in.ts'
import { getService } from '../find-service.ts'
import { logoBytesMax, logoSha256 } from '../logo.ts'
import type { Service } from '../service.ts'
import { pkceRules, registrationRules, securityProfiles, signInOf } from '../sign-in.ts'
import { service } from './requests.ts'

type Deps = Parameters<typeof changeSignIn>[0]

const dayS = 86_400
const seconds = (min: number, max: number) => z.int().min(min).max(max)
const acr = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'is 1 to 200 characters without spaces')
const listOf = (item: z.ZodType<string>) => z.array(item).max(20)

/** Each setting as it is sent and shown; the brand aside, whose logo is shown as what it is and not again as a picture. */
const settings = {
  security_profile: z.enum(securityProfiles).meta({
    description:
      '`fapi_2_0`: everybody is held to the FAPI 2.0 Security Profile: apps sign assertions (`private_key_jwt`) for the ' +
      'issuer alone, with PS256, ES256 or EdDSA, and refresh tokens are not rotated. It needs `require_pushed_requests`, ' +
      '`require_dpop` and PKCE, and a service that does not sign with RS256.',
  }),
  pkce: z.enum(pkceRules).meta({
    description: 'Whether apps must use PKCE, or apps that authenticate may send a `nonce` instead.',
  }),
  registration: z.enum(registrationRules).meta({ description: 'Who may register apps (RFC 7591).' }),
  client_id_metadata_documents: z.boolean().meta({
    description: 'Whether apps may name themselves by the address of a document that describes them.',
  }),
  authorize_by_post: z.boolean().meta({
    description: 'Whether authorization requests may come by POST, too; a redirect makes a GET of each.',
  }),
  acr_values: listOf(acr).meta({
    description:
      'What the metadata tells as `acr_values_supported`: how well an app may ask people to sign in.',
  }),
  password_acr: acr.nullable().meta({
    description:
      'The one of them that a sign-in with a password is; `null`: none. Connections hand on their own.',
  }),
  require_pushed_requests: z.boolean().meta({ description: 'Whether only PAR (RFC 9126) opens a sign-in.' }),
  require_dpop: z
    .boolean()
    .meta({ description: 'Whether every token of an app is bound to a key (RFC 9449).' }),
  conformance_exempt_pkce_client_ids: listOf(z.string().min(1).max(200)).meta({
    description: 'Clients of a conformance suite that knows no PKCE. Nobody else belongs here.',
  }),
  session_idle_seconds: seconds(60, 30 * dayS).meta({ description: 'A session unused for so long ends.' }),
  session_absolute_seconds: seconds(60, 90 * dayS).meta({ description: 'A session ends at this age.' }),
  refresh_token_seconds: seconds(60, 365 * dayS).meta({
    description: 'An app that has not refreshed for so long needs the person again.',
  }),
}

const name = displayName.meta({ description: 'What the pages call the service; without it its title.' })
const colour = z
  .string()
  .regex(/^#[0-9a-fA-F]{6}$/, 'is #rrggbb')
  .transform((text) => text.toLowerCase())
  .meta({ description: 'Of buttons, `#rrggbb`. Text on it is black or white, whichever is easier to read.' })

const SignInBody = z.strictObject({
  brand: z.strictObject({
    name: z.string().nullable(),
    colour: z.string().nullable(),
    logo: z
      .strictObject({
        media_type: z.string(),
        sha256: z.string(),
        path: z.string().meta({ description: 'Where the server serves it.' }),
      })
      .nullable(),
  }),
  ...settings,
})

// Base64 has four characters for three bytes; the picture's own size is looked at when it is read.
const base64 = z.string().max(Math.ceil(logoBytesMax / 3) * 4 * 2)

const BrandChange = z.strictObject({
  name: name.nullable(),
  colour: colour.nullable(),
  logo: z
    .strictObject({ base64 })
    .nullable()
    .meta({ description: 'A PNG, JPEG or WebP picture of at most 256 KiB; never SVG.' }),
})
const SignInChangeBody = z.strictObject({ brand: BrandChange.partial(), ...settings }).partial()

export function signInRoutes(deps: Deps): readonly Route[] {
  const at = {
    path: '/services/{service}/sign-in',
    tag: 'Sign-in',
    params: { service },
    status: 200,
  } as const
  return [
    route({
      ...at,
      operationId: 'readSignIn',
      method: 'GET',
      summary: 'Read how people and apps sign in at a service',
      answer: SignInBody,
      errors: ['service_not_found'],
      handle: async ({ params }) => presented(await getService(deps.records, params['service'] ?? '')),
    }),
    route({
      ...at,
      operationId: 'changeSignIn',
      method: 'PATCH',
      summary: 'Change how people and apps sign in at a service',
      description:
        'What is left out stays as it is; `null` takes a part of the brand out. It holds for what begins after it.',
      body: SignInChangeBody,
      example: { brand: { name: 'Riverside Clinic', colour: '#0b6b3a' } },
      answer: SignInBody,
      errors: ['service_not_found', 'precondition_failed', 'conflict'],
      handle: async ({ principal, params, body, ifMatch }) => {
        const change = changeIn(body)
        return presented(
          await changeSignIn(deps, actorOf(principal), params['service'] ?? '', change, ifMatch),
        )
      },
    }),
  ]
}

function changeIn({ brand, ...body }: z.output<typeof SignInChangeBody>): SignInChange {
  const logo = brand?.logo === null ? null : brand?.logo?.base64
  return {
    brand: { name: brand?.name, colour: brand?.colour, logo },
    securityProfile: body.security_profile,
    pkce: body.pkce,
    registration: body.registration,
    clientIdMetadataDocuments: body.client_id_metadata_documents,
    authorizeByPost: body.authorize_by_post,
    acrValues: body.acr_values,
    passwordAcr: body.password_acr,
    requirePushedRequests: body.require_pushed_requests,
    requireDpop: body.require_dpop,
    conformanceExemptPkceClientIds: body.conformance_exempt_pkce_client_ids,
    sessionIdleSeconds: body.session_idle_seconds,
    sessionAbsoluteSeconds: body.session_absolute_seconds,
    refreshTokenSeconds: body.refresh_token_seconds,
  }
}

function presented(service: Service) {
  const signIn = signInOf(service)
  const { name, colour, logo } = signIn.brand
  const body: z.input<typeof SignInBody> = {
    brand: {
      name: name ?? null,
      colour: colour ?? null,
      logo:
        logo === undefined
          ? null
          : { media_type: logo.mediaType, sha256: logoSha256(logo), path: `/${service.slug}/logo` },
    },
    security_profile: signIn.securityProfile,
    pkce: signIn.pkce,
    registration: signIn.registration,
    client_id_metadata_documents: signIn.clientIdMetadataDocuments,
    authorize_by_post: signIn.authorizeByPost,
    acr_values: [...signIn.acrValues],
    password_acr: signIn.passwordAcr,
    require_pushed_requests: signIn.requirePushedRequests,
    require_dpop: signIn.requireDpop,
    conformance_exempt_pkce_client_ids: [...signIn.conformanceExemptPkceClientIds],
    session_idle_seconds: signIn.sessionIdleSeconds,
    session_absolute_seconds: signIn.sessionAbsoluteSeconds,
    refresh_token_seconds: signIn.refreshTokenSeconds,
  }
  return { body, version: service.version }
}
