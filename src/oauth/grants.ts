import type { Adapter, AdapterPayload } from 'oidc-provider'
import { type Consent, findConsent } from '../consents/consent.ts'
import { hasCode } from '../errors.ts'
import { parseId } from '../ids.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import { claimsOf, isIdentityScope } from './identity-scopes.ts'

/** Ends the consent, and all that was bought with it. */
type EndGrant = (consent: Consent) => Promise<void>

const attemptsMax = 5

/**
 * The library's grants are our consents: nothing of them is kept twice, so that a consent that is gone takes its grant
 * with it. The library itself never saves one.
 * @param records the store itself: a consent given on one node buys a token on another at once
 */
export function grantAdapter(records: Records, service: Service, endGrant: EndGrant): Adapter {
  const find = async (id: string): Promise<Consent | undefined> => {
    const grantId = parseId('gra', id)
    const consent = grantId && (await findConsent(records, grantId))
    return consent?.serviceId === service.id ? consent : undefined
  }
  const never = async () => undefined
  return {
    find: async (id) => {
      const consent = await find(id)
      return consent && payloadOf(consent, service)
    },
    // RFC 6749 §4.1.2: what the library destroys is a grant whose code or refresh token has leaked.
    destroy: async (id) => {
      for (let attempt = 1; ; attempt += 1) {
        const consent = await find(id)
        if (consent === undefined) return
        try {
          return await endGrant(consent)
        } catch (cause) {
          // What has leaked comes more than once at the same time, and another is ending it.
          if (!hasCode(cause, 'conflict') || attempt === attemptsMax) throw cause
        }
      }
    },
    upsert: async () => {
      throw new Error('a grant is a consent, and is made by giving it')
    },
    findByUid: never,
    findByUserCode: never,
    consume: never,
    revokeByGrantId: never,
  }
}

function payloadOf(consent: Consent, service: Service): AdapterPayload {
  const { id, userId, clientId, scopes, grantedAt } = consent
  const identity = scopes.filter(isIdentityScope)
  const delegated = scopes.filter((scope) => !isIdentityScope(scope))
  return {
    ...{ kind: 'Grant', jti: id, accountId: userId, clientId, iat: Math.floor(grantedAt / 1000) },
    ...(identity.length > 0 && { openid: { scope: identity.join(' '), claims: claimsOf(identity) } }),
    ...(delegated.length > 0 && { resources: { [service.audience]: delegated.join(' ') } }),
  }
}
