import { DomainError, type ErrorCode } from '../errors.ts'
import { parameterNames } from '../evaluator/path-template.ts'
import { type IdPrefix, type OrganizationId, parseId } from '../ids.ts'
import type { Route } from './route.ts'

interface ParameterKind {
  readonly prefix: IdPrefix
  /** What is answered for a value that nothing here can have: the same as for one that nothing has. */
  readonly absent: ErrorCode
  /** Written as a slug, too. */
  readonly slug?: true
}

/** What a path parameter's name says of its value. Others are any text. */
const kindOf: Readonly<Record<string, ParameterKind>> = {
  assumption: { prefix: 'asm', absent: 'assumption_not_found' },
  connection: { prefix: 'con', absent: 'connection_not_found' },
  consent: { prefix: 'gra', absent: 'consent_not_found' },
  domain: { prefix: 'dom', absent: 'domain_not_found' },
  event: { prefix: 'evt', absent: 'event_not_found' },
  initial_access_token: { prefix: 'iat', absent: 'initial_access_token_not_found' },
  key: { prefix: 'key', absent: 'client_key_not_found' },
  mail: { prefix: 'mal', absent: 'mail_not_found' },
  organization: { prefix: 'org', absent: 'organization_not_found' },
  registered_app: { prefix: 'app', absent: 'app_not_found' },
  resource: { prefix: 'res', absent: 'resource_not_found' },
  role: { prefix: 'rol', absent: 'role_not_found' },
  secret: { prefix: 'sec', absent: 'not_found' },
  service: { prefix: 'svc', absent: 'service_not_found', slug: true },
  signing_key: { prefix: 'sgn', absent: 'not_found' },
  user: { prefix: 'usr', absent: 'user_not_found' },
}

const slugPattern = '[a-z0-9-]{3,40}'

/** @throws {DomainError} the `…_not_found` of the first parameter whose value no such thing can have */
export function checkParameters(route: Route, params: Readonly<Record<string, string>>): void {
  for (const name of parameterNames(route.path)) {
    const kind = kindOf[name]
    const value = params[name] ?? ''
    if (kind === undefined || parseId(kind.prefix, value) !== undefined) continue
    if (kind.slug === true && new RegExp(`^${slugPattern}$`).test(value)) continue
    throw new DomainError(kind.absent, 'not here')
  }
}

/** The organization that the path names, if it is an id at all. */
export function namedOrganization(params: Readonly<Record<string, string>>): OrganizationId | undefined {
  return parseId('org', params['organization'] ?? '')
}

/** What the OpenAPI document says of a parameter's value. */
export function parameterPattern(name: string): string | undefined {
  const kind = kindOf[name]
  if (kind === undefined) return undefined
  const id = `${kind.prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}`
  return kind.slug === true ? `^(${id}|${slugPattern})$` : `^${id}$`
}

/** A value for examples. */
export function parameterExample(name: string): string {
  const kind = kindOf[name]
  if (kind?.slug === true) return 'clinic'
  return kind === undefined ? name : `${kind.prefix}_01jz8x6v0kq3m5n7p9r1s3t5v7`
}
