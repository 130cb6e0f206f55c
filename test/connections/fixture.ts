// An organization with verified domains, identity providers and people, on a real store.
import type { Connection } from '../../src/connections/connection.ts'
import { connections } from '../../src/connections/connection.ts'
import type { OrganizationId } from '../../src/ids.ts'
import { addDomain } from '../../src/organizations/add-domain.ts'
import { createOrganization } from '../../src/organizations/create-organization.ts'
import { verifyDomain } from '../../src/organizations/verify-domain.ts'
import { insert } from '../../src/storage/ports.ts'
import { type User, users } from '../../src/users/user.ts'
import { openDeployment } from '../organizations/deployment.ts'
import { connectionTo } from './upstream.ts'

export async function openTenants() {
  const at = await openDeployment()
  const { deps, by, store } = at
  const resolving: { proof: string } = { proof: '' }
  /** Ids of one millisecond have no order. */
  const later = () => {
    at.time.nowMs += 1
  }
  const resolveTxt = async () => [[resolving.proof]]
  return {
    ...at,
    /** An organization that may use the clinic. */
    organization: (name: string) => {
      later()
      return createOrganization(deps, by, { name })
    },
    verifiedDomain: async (organizationId: OrganizationId, name: string) => {
      const domain = await addDomain(deps, by, organizationId, name)
      resolving.proof = domain.proof
      return verifyDomain({ ...deps, resolveTxt }, by, organizationId, domain.id, {})
    },
    connection: async (
      organizationId: OrganizationId,
      more: Partial<Connection> = {},
      issuer = 'https://idp.example',
    ) => {
      later()
      const id = deps.newId('con')
      const connection = connectionTo(issuer, { secrets: deps.secrets, id, organizationId }, more)
      await store.commit([insert(connections, connection)])
      return connection
    },
    user: async (organizationId: OrganizationId, email: string, more: Partial<User> = {}) => {
      const id = deps.newId('usr')
      const user: User = {
        ...{ id, organizationId, version: 1, email, state: { kind: 'active' }, roles: [], tags: {} },
        ...{ identities: [], authority: 1, createdBy: 'key_test', createdAt: 1 },
        ...more,
      }
      await store.commit([insert(users, user)])
      return user
    },
  }
}

export type Tenants = Awaited<ReturnType<typeof openTenants>>
