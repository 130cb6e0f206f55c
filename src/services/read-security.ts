import type { Fault } from '../errors.ts'
import { didYouMean } from '../evaluator/nearest.ts'
import { jsonPointer } from '../json-text.ts'
import { entries, items, type JsonObject, member, text } from './json-value.ts'
import { resolved } from './references.ts'

/** OpenID Connect Core §5.4: what an app may learn of a person, never what it may do. */
export const identityScopes: ReadonlySet<string> = new Set([
  'openid',
  'profile',
  'email',
  'address',
  'phone',
  'offline_access',
])

interface Scheme {
  /** Whether its names in `security` are scopes. */
  readonly scoped: boolean
  /** Declared scopes, with their descriptions. */
  readonly scopes: ReadonlyMap<string, string>
}

export type Schemes = ReadonlyMap<string, Scheme>

export interface Security {
  readonly public: boolean
  /** Of each alternative that names scopes, their names. */
  readonly alternatives: readonly (readonly string[])[]
  readonly faults: readonly Fault[]
}

export function readSchemes(document: JsonObject): Schemes {
  const found = new Map<string, Scheme>()
  for (const [name, item] of entries(member(member(document, 'components'), 'securitySchemes'))) {
    const scheme = resolved(document, item)
    const scopes = entries(member(scheme, 'flows')).flatMap(([, flow]) => entries(member(flow, 'scopes')))
    const scoped = ['oauth2', 'openIdConnect'].includes(text(member(scheme, 'type')) ?? '')
    found.set(name, {
      scoped,
      scopes: new Map(scoped ? scopes.map(([scope, said]) => [scope, text(said) ?? '']) : []),
    })
  }
  return found
}

/**
 * Reads `security`, an operation's own or the root's. Absent, it opens nothing and makes nothing public; `[]` or an
 * alternative `{}` makes the operation public (OpenAPI 3.1 §4.8.10).
 */
export function readSecurity(security: unknown, schemes: Schemes, place: string): Security {
  if (!Array.isArray(security)) return { public: false, alternatives: [], faults: [] }
  const faults: Fault[] = []
  const alternatives = new Map<string, readonly string[]>()
  for (const [i, requirement] of security.entries()) {
    const scopes = new Set<string>()
    for (const [name, named] of entries(requirement)) {
      const scheme = schemes.get(name)
      if (scheme === undefined) faults.push(unknownScheme(name, schemes, `${place}/${i}${jsonPointer(name)}`))
      if (scheme?.scoped === true)
        for (const scope of items(named))
          if (typeof scope === 'string' && !identityScopes.has(scope)) scopes.add(scope)
    }
    if (scopes.size > 0) alternatives.set([...scopes].sort().join(' '), [...scopes])
  }
  return {
    public: security.length === 0 || security.some((one) => entries(one).length === 0),
    alternatives: [...alternatives.values()],
    faults,
  }
}

function unknownScheme(name: string, schemes: Schemes, place: string): Fault {
  return {
    pointer: place,
    detail: `no security scheme ${name} is declared`,
    fix: didYouMean(name, schemes.keys()) ?? 'declare it under components.securitySchemes',
  }
}
