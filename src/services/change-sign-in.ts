import { isDeepStrictEqual } from 'node:util'
import type { Actor, Commit } from '../audit/record.ts'
import { DomainError, type Fault } from '../errors.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { getService } from './find-service.ts'
import { logoSha256, readLogo } from './logo.ts'
import { type Service, services } from './service.ts'
import { type Brand, type SignInSettings, signInOf } from './sign-in.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

type Changed<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** What is absent stays as it is. */
export interface SignInChange extends Changed<Omit<SignInSettings, 'brand'>> {
  /** `null` takes a part of it out. */
  readonly brand?: {
    readonly name?: string | null | undefined
    readonly colour?: string | null | undefined
    /** The picture in base64. */
    readonly logo?: string | null | undefined
  }
}

/**
 * Changes how people and apps sign in at a service. Its issuer is made anew; who is signed in stays so.
 * @throws {DomainError} `service_not_found`, `invalid_request` (with the place of each fault), `precondition_failed`,
 *   `conflict`
 */
export async function changeSignIn(
  deps: Deps,
  by: Actor,
  idOrSlug: string,
  change: SignInChange,
  ifMatch: number | undefined,
): Promise<Service> {
  const before = await getService(deps.records, idOrSlug)
  expectVersion(before, ifMatch)
  const after = changed(before, change)
  const details = differences(signInOf(before), signInOf(after))
  if (Object.keys(details).length === 0) return before
  const { organizationId, id } = before
  await deps.commit({ type: 'service.sign_in_changed', organizationId, target: id, by, details }, [
    update(services, before, after),
  ])
  return { ...after, version: before.version + 1 }
}

function changed(before: Service, { brand = {}, ...rest }: SignInChange): Service {
  const faults: Fault[] = []
  const { name, colour, logo } = brand
  const picture = typeof logo === 'string' ? logoIn(logo, faults) : logo
  const branded: Brand = withoutNull({ ...before.signIn?.brand, ...given({ name, colour, logo: picture }) })
  const after: Service = { ...before, signIn: { ...before.signIn, ...given(rest), brand: branded } }
  const { sessionIdleSeconds, sessionAbsoluteSeconds, acrValues, passwordAcr } = signInOf(after)
  if (sessionIdleSeconds > sessionAbsoluteSeconds) {
    const detail = `is longer than a session lives at most: ${sessionAbsoluteSeconds} seconds`
    faults.push({ pointer: '/session_idle_seconds', detail })
  }
  if (passwordAcr !== null && !acrValues.includes(passwordAcr))
    faults.push({ pointer: '/password_acr', detail: 'is not one of acr_values' })
  faults.push(...profileFaults(after))
  if (faults.length > 0) throw new DomainError('invalid_request', 'These settings cannot hold.', { faults })
  return after
}

/** What a profile needs is said beside it, and never taken for granted: a profile of which half holds is none. */
function profileFaults(service: Service): readonly Fault[] {
  const settings = signInOf(service)
  if (settings.securityProfile === 'none') return []
  const needs: readonly (readonly [pointer: string, holds: boolean, detail: string])[] = [
    ['/security_profile', service.signingAlgorithm !== 'RS256', 'is not for a service that signs with RS256'],
    ['/require_pushed_requests', settings.requirePushedRequests, 'must be true under FAPI 2.0'],
    ['/require_dpop', settings.requireDpop, 'must be true under FAPI 2.0'],
    ['/pkce', settings.pkce === 'required', 'must be required under FAPI 2.0'],
    [
      '/conformance_exempt_pkce_client_ids',
      settings.conformanceExemptPkceClientIds.length === 0,
      'must be empty under FAPI 2.0',
    ],
  ]
  return needs.flatMap(([pointer, holds, detail]) => (holds ? [] : [{ pointer, detail }]))
}

function logoIn(base64: string, faults: Fault[]) {
  const reading = readLogo(base64)
  if (reading.kind === 'logo') return reading.logo
  faults.push({ pointer: '/brand/logo/base64', detail: reading.detail, fix: reading.fix })
  return undefined
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** The members that are there. */
function given<T extends object>(change: T): Given<T> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Given<T>
}

type WithoutNull<T> = { [K in keyof T]: Exclude<T[K], null> }

function withoutNull<T extends object>(value: T): Partial<WithoutNull<T>> {
  const entries = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(entries) as Partial<WithoutNull<T>>
}

/** For the audit trail: old and new of each setting, pictures by their hash. */
function differences(before: SignInSettings, after: SignInSettings) {
  const [was, is] = [told(before), told(after)]
  return Object.fromEntries(
    Object.entries(is).flatMap(([name, value]) =>
      isDeepStrictEqual(was[name], value)
        ? []
        : [[name, { before: was[name] ?? null, after: value ?? null }]],
    ),
  )
}

function told({ brand, ...rest }: SignInSettings): Readonly<Record<string, unknown>> {
  const settings = Object.entries(rest).map(([name, value]) => [snake(name), value] as const)
  const logo = brand.logo && logoSha256(brand.logo)
  return {
    brand_name: brand.name,
    brand_colour: brand.colour,
    brand_logo_sha256: logo,
    ...Object.fromEntries(settings),
  }
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
