import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import { z } from 'zod'
import { signInOf } from '../services/sign-in.ts'
import { claimsParameter } from './claims-parameter.ts'

/** How well an app wants somebody to have signed in. */
interface AskedAcr {
  /** Any of these. */
  readonly values: readonly string[]
  /** OpenID Connect Core §5.5.1.1: anything else is a failed sign-in. */
  readonly isEssential: boolean
}

const AcrClaim = z.object({
  essential: z.boolean().optional(),
  value: z.string().optional(),
  values: z.array(z.string()).optional(),
})

/** As the claim `acr` of `claims` says it, or `acr_values`, which is a wish and no more (§3.1.2.1); `undefined`: not at all. */
export function askedAcr(params: Readonly<Record<string, unknown>>): AskedAcr | undefined {
  const claimed = AcrClaim.safeParse(claimsParameter(params).id_token?.['acr']).data ?? {}
  const { essential = false, value, values = value === undefined ? [] : [value] } = claimed
  if (values.length > 0) return { values, isEssential: essential }
  const wished = String(params['acr_values'] ?? '')
    .split(' ')
    .filter((one) => one !== '')
  return wished.length === 0 ? undefined : { values: wished, isEssential: false }
}

/**
 * Asks for a sign-in where that of the session is not what the app asks for, once: what a second one gives is the answer.
 * For a wish it is asked only if the service knows the value, and never with `prompt=none`.
 */
export function acrMissing(service: Parameters<typeof signInOf>[0]) {
  const known = signInOf(service).acrValues
  return new interactionPolicy.Check(
    'acr_missing',
    'the person has not signed in as the app asks for',
    'unmet_authentication_requirements',
    ({ oidc }: KoaContextWithOIDC) => {
      const { session, result, params = {}, prompts } = oidc
      const asked = askedAcr(params)
      if (asked === undefined || session?.accountId === undefined || asked.values.includes(session.acr ?? ''))
        return false
      const isAsked = result?.login !== undefined
      if (asked.isEssential && isAsked) throw unmet()
      return (
        !isAsked &&
        (asked.isEssential || (!prompts.has('none') && asked.values.some((one) => known.includes(one))))
      )
    },
  )
}

/** OpenID Connect Core Unmet Authentication Requirements 1.0. */
function unmet() {
  return new errors.UnmetAuthenticationRequirements('the person cannot sign in as the app asks for')
}
