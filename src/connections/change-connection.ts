import type { Actor, Commit } from '../audit/record.ts'
import type { ConnectionId, OrganizationId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Giver } from '../services/giving.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { type Connection, type ConnectionAuthentication, connections, getConnection } from './connection.ts'
import { authenticationWith, type NewConnection } from './create-connection.ts'
import { checkSpeakingForPeople, readMapping } from './giving-to-connections.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly secrets: Secrets
}

/** What is absent stays; the issuer always does. */
export interface ConnectionChange
  extends Partial<{ [K in keyof Omit<NewConnection, 'issuer'>]: NewConnection[K] | undefined }> {
  readonly ifMatch?: number | undefined
}

/**
 * Another client, way of authentication, scope, trust or mapping has to be tested again; an active connection stays so
 * meanwhile.
 * @throws {DomainError} `connection_not_found`, `role_not_found`, `role_not_grantable`, `service_not_found`,
 * `tag_not_grantable`, `invalid_request`, `precondition_failed`, `conflict`
 */
export async function changeConnection(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  id: ConnectionId,
  change: ConnectionChange,
): Promise<Connection> {
  const before = await getConnection(deps.records, organizationId, id)
  expectVersion(before, change.ifMatch)
  const provider = providerPart(deps.secrets, before, change)
  if (before.state.kind === 'active' && (Object.keys(provider).length > 0 || change.domains !== undefined))
    checkSpeakingForPeople(giver)
  const mapping =
    change.mapping === undefined
      ? {}
      : { mapping: await readMapping(deps.records, giver, organizationId, change.mapping) }
  const { name = before.name, domains = before.domains, signOut = before.signOut } = change
  const { testedAt, ...untested } = before
  const tested = testedAt === undefined || Object.keys(provider).length > 0 ? {} : { testedAt }
  const version = before.version + 1
  const said = { name, domains, signOut, version }
  const after: Connection = { ...untested, ...tested, ...provider, ...mapping, ...said }
  const details = { from: told(before), to: told(after), secret_changed: change.clientSecret !== undefined }
  await deps.commit({ type: 'connection.changed', organizationId, target: id, by, details }, [
    update(connections, before, after),
  ])
  return after
}

/** Of a change what a test would find. */
function providerPart(
  secrets: Secrets,
  before: Connection,
  { clientId, clientSecret, clientAuthentication, scopes, emailTrust }: ConnectionChange,
): Partial<Connection> {
  const isProof = clientSecret !== undefined || clientAuthentication !== undefined
  const kind = clientAuthentication ?? before.authentication.kind
  return {
    ...(clientId === undefined ? {} : { clientId }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(emailTrust === undefined ? {} : { emailTrust }),
    ...(isProof ? { authentication: changedAuthentication(secrets, before, kind, clientSecret) } : {}),
  }
}

function changedAuthentication(
  secrets: Secrets,
  { id, authentication }: Connection,
  kind: ConnectionAuthentication['kind'],
  secret: string | undefined,
): ConnectionAuthentication {
  if (secret !== undefined || kind === 'none') return authenticationWith(secrets, id, kind, secret)
  return authentication.kind === 'none' ? { kind } : { ...authentication, kind }
}

/** Never the secret. */
function told(connection: Connection) {
  const { name, clientId, scopes, domains, emailTrust, signOut, mapping, authentication } = connection
  return {
    ...{ name, client_id: clientId ?? null, client_authentication: authentication.kind, scopes, domains },
    ...{ email_trust: emailTrust, sign_out: signOut, mapping },
  }
}
