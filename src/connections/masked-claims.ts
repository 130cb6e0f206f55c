import type { Mapping } from './mapping.ts'

const claimsMax = 50
const valuesMax = 50
const depthMax = 4

/** Said of a sign-in, not of a person. */
const plainClaims: readonly string[] = ['acr', 'amr', 'aud', 'azp', 'iss', 'email_verified']

/**
 * What a provider said of the person who tested, for an administrator to see what there is to map: the values of mapped
 * claims, the domain of the address, and of all else its form.
 */
export function maskedClaims(
  claims: Readonly<Record<string, unknown>>,
  { roles, tags }: Mapping,
): Readonly<Record<string, unknown>> {
  const mappedNames = [...roles, ...tags].map(({ claim }) => topLevelOf(claim))
  const shown = [...plainClaims, ...mappedNames]
  const entries = Object.entries(claims).slice(0, claimsMax)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, shown.includes(name) ? bounded(value) : masked(value)]),
  )
}

function topLevelOf(claim: string): string {
  if (!claim.startsWith('/')) return claim
  return (claim.split('/')[1] ?? '').replaceAll('~1', '/').replaceAll('~0', '~')
}

function masked(value: unknown): unknown {
  return each(value, (text) => {
    const at = text.lastIndexOf('@')
    return at > 0 ? `${text.slice(0, 1)}…${text.slice(at).slice(0, 255)}` : `${text.slice(0, 1)}…`
  })
}

function bounded(value: unknown): unknown {
  return each(value, (text) => text.slice(0, 255))
}

function each(value: unknown, write: (text: string) => string, depth = 0): unknown {
  if (typeof value === 'string') return write(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth === depthMax) return '…'
  if (Array.isArray(value)) return value.slice(0, valuesMax).map((one) => each(one, write, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, valuesMax)
      .map(([key, one]) => [key, each(one, write, depth + 1)]),
  )
}
