import { findConnection } from '../connections/connection.ts'
import { discoverTenant } from '../connections/tenant-discovery.ts'
import { parseId } from '../ids.ts'
import type { Organization } from '../organizations/organization.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'

/** What a request says of the organization that is meant. */
interface OrganizationHints {
  readonly organization?: string | undefined
  readonly connection?: string | undefined
  readonly domainHint?: string | undefined
  readonly loginHint?: string | undefined
}

/** From the parameters of an authorization request; one of another form says nothing. */
export function hintsIn(params: Readonly<Record<string, unknown>>): OrganizationHints {
  const text = (name: string) => {
    const value = params[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  return {
    organization: text('organization'),
    connection: text('connection'),
    domainHint: text('domain_hint'),
    loginHint: text('login_hint'),
  }
}

/** Whether people of this organization are meant by the request, as far as it says. */
export async function isMeant(
  deps: { readonly records: Records },
  service: Service,
  { id, slug }: Organization,
  { organization, connection, domainHint, loginHint }: OrganizationHints,
): Promise<boolean> {
  if (organization !== undefined && organization !== id && organization !== slug) return false
  if (connection !== undefined && !(await belongsTo(deps.records, connection, id))) return false
  if (domainHint === undefined && loginHint === undefined) return true
  const found = await discoverTenant(deps, service, { domainHint, loginHint })
  return found.kind !== 'found' || found.organizationId === id
}

async function belongsTo(records: Records, connection: string, organizationId: Organization['id']) {
  const connectionId = parseId('con', connection)
  const found = connectionId && (await findConnection(records, connectionId))
  return found?.organizationId === organizationId
}
