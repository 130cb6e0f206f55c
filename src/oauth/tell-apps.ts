import type { Happening } from '../audit/record.ts'
import { type Consent, consents } from '../consents/consent.ts'
import { type OrganizationId, parseId, type ServiceId, type UserId } from '../ids.ts'
import { findService } from '../services/find-service.ts'
import type { Records } from '../storage/ports.ts'
import type { ArtifactDeps } from './artifact-adapter.ts'
import type { Issuer } from './issuer.ts'
import { signedInAt } from './sessions.ts'

interface Deps extends ArtifactDeps {
  /** The store itself. */
  readonly records: Records
  readonly issuerOf: (slug: string) => Promise<Pick<Issuer, 'tellApp'> | undefined>
}

type Access = Pick<Consent, 'organizationId' | 'serviceId' | 'userId' | 'clientId'>

const pageSize = 200

/**
 * Apps are told (OpenID Connect Back-Channel Logout 1.0) when something other than the library's own page has ended what
 * they do for a person. Told by the node that made the change, afterwards; what happened is what was committed.
 */
export function appTeller(deps: Deps): (happening: Happening) => Promise<void> {
  return async ({ type, organizationId, target, details = {} }) => {
    switch (type) {
      case 'consent.ended': {
        const access = accessIn(organizationId, details)
        // Who gives a consent back is the app.
        if (access !== undefined && details['reason'] !== 'given_back') await tellOf(deps, access)
        return
      }
      case 'organization.suspended':
        return tellOfEach(deps, organizationId, 'all', '')
      case 'user.disabled':
      case 'user.password_changed':
      case 'user.password_reset':
        return tellOfEach(deps, organizationId, 'user', target)
    }
  }
}

function accessIn(
  organizationId: OrganizationId,
  { user_id: user, service_id: service, client_id: clientId }: Readonly<Record<string, unknown>>,
): Access | undefined {
  const [userId, serviceId] = [parseId('usr', String(user)), parseId('svc', String(service))]
  if (userId === undefined || serviceId === undefined || typeof clientId !== 'string') return undefined
  return { organizationId, userId, serviceId, clientId }
}

async function tellOfEach(
  deps: Deps,
  organizationId: OrganizationId,
  index: 'all' | 'user',
  key: string,
): Promise<void> {
  let after: string | undefined
  for (;;) {
    const page = await deps.records.list(organizationId, consents, index, key, {
      limit: pageSize,
      ...(after !== undefined && { after }),
    })
    for (const consent of page) await tellOf(deps, consent)
    after = page.at(-1)?.id
    if (page.length < pageSize) return
  }
}

/** Once for each session of the person's in which the app has been; if there is none, of the person. */
async function tellOf(deps: Deps, { serviceId, userId, clientId }: Access): Promise<void> {
  const issuer = await issuerOfService(deps, serviceId)
  if (issuer === undefined) return
  const sids = await sidsOf(deps, serviceId, userId, clientId)
  for (const sid of sids.length === 0 ? [undefined] : sids) await issuer.tellApp(userId, { clientId, sid })
}

async function issuerOfService({ records, issuerOf }: Deps, id: ServiceId) {
  const service = await findService(records, id)
  return service && (await issuerOf(service.slug))
}

async function sidsOf(deps: Deps, serviceId: ServiceId, userId: UserId, clientId: string) {
  const sessions = await signedInAt(deps, serviceId, userId)
  return sessions.flatMap(({ apps }) => apps.filter((app) => app.clientId === clientId).map(({ sid }) => sid))
}
