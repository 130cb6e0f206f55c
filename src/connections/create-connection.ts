import type { Actor, Commit } from '../audit/record.ts'
import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { ConnectionId, NewId, OrganizationId } from '../ids.ts'
import { getOrganization } from '../organizations/organization.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Giver } from '../services/giving.ts'
import { insert, type Records } from '../storage/ports.ts'
import { type Connection, type ConnectionAuthentication, connections } from './connection.ts'
import { readMapping, type WantedMapping } from './giving-to-connections.ts'
import { readIssuer } from './read-issuer.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly secrets: Secrets
  readonly fetch: typeof fetch
}

export interface NewConnection
  extends Pick<Connection, 'name' | 'issuer' | 'scopes' | 'domains' | 'emailTrust' | 'signOut'> {
  readonly clientId?: string | undefined
  readonly clientSecret?: string | undefined
  readonly clientAuthentication: ConnectionAuthentication['kind']
  readonly mapping: WantedMapping
}

/**
 * A draft: nobody signs in through it before it is tested and made active.
 * @throws {DomainError} `organization_not_found`, `connection_refused` with what was met at the issuer, `service_not_found`,
 * `role_not_found`, `role_not_grantable`, `tag_not_grantable`, `invalid_request`
 */
export async function createConnection(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  wanted: NewConnection,
): Promise<Connection> {
  await getOrganization(deps.records, organizationId)
  const { name, scopes, domains, emailTrust, signOut, clientId, clientSecret } = wanted
  const { clientAuthentication: kind } = wanted
  const id = deps.newId('con')
  const authentication = authenticationWith(deps.secrets, id, kind, clientSecret)
  const mapping = await readMapping(deps.records, giver, organizationId, wanted.mapping)
  const issuer = await readIssuer(deps, wanted.issuer)
  const connection: Connection = {
    ...{ id, organizationId, version: 1, name, kind: 'oidc', issuer, authentication, scopes, domains },
    ...(clientId === undefined ? {} : { clientId }),
    ...{ emailTrust, signOut, mapping, state: { kind: 'draft' }, createdBy: by.id, createdAt: deps.clock() },
  }
  const details = {
    name,
    issuer,
    client_id: clientId ?? null,
    scopes,
    domains,
    email_trust: emailTrust,
    sign_out: signOut,
    mapping,
  }
  await deps.commit({ type: 'connection.created', organizationId, target: id, by, details }, [
    insert(connections, connection),
  ])
  return connection
}

/**
 * @param secret absent where none is used, or none is known yet
 * @throws {DomainError} `invalid_request` for a secret that would not be used
 */
export function authenticationWith(
  secrets: Secrets,
  id: ConnectionId,
  kind: ConnectionAuthentication['kind'],
  secret: string | undefined,
): ConnectionAuthentication {
  if (secret === undefined) return { kind }
  if (kind !== 'none') return { kind, sealedSecret: secrets.seal('connection-secrets', id, secret) }
  throw new DomainError('invalid_request', 'a client without authentication has no secret', {
    faults: [
      {
        pointer: '/client_secret',
        detail: 'goes with none of the ways to authenticate but client_secret_basic and client_secret_post',
      },
    ],
  })
}
