import type { Actor, Commit } from '../audit/record.ts'
import type { Clock, Random } from '../clock.ts'
import type { NewId, OrganizationId } from '../ids.ts'
import type { SendMail } from '../mail/mail.ts'
import { getOrganization } from '../organizations/organization.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Giver } from '../services/giving.ts'
import { checkGivingTags } from '../services/principal-tags.ts'
import { insert, type Records } from '../storage/ports.ts'
import { assignRoles, type WantedRole } from './giving-to-users.ts'
import { invitationMail } from './mail-texts.ts'
import { linkAddress, makeLink, oneTimeLinks } from './one-time-link.ts'
import { serviceFor } from './send-link.ts'
import { emailTaken, type User, users } from './user.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly random: Random
  readonly secrets: Secrets
  readonly sendMail: SendMail
  /** Where the deployment is reached, without a trailing slash. */
  readonly origin: string
}

export interface Invitation {
  readonly email: string
  readonly name?: string | undefined
  readonly roles: readonly WantedRole[]
  readonly tags: User['tags']
  /** Whose pages the mailed link leads to: id or slug. Absent: of the first role, else `latchkey`. */
  readonly service?: string | undefined
}

/**
 * The person is there from now on, with roles and tags, and can do nothing until the invitation is
 * accepted, by the link that is mailed to them.
 * @throws {DomainError} `organization_not_found`, `service_not_found`, `role_not_found`, `role_not_grantable`,
 * `tag_not_grantable`, `invalid_request`, `already_exists`
 */
export async function inviteUser(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  { email, name, roles: wanted, tags, service: named }: Invitation,
): Promise<User> {
  const organization = await getOrganization(deps.records, organizationId)
  const roles = await assignRoles(deps.records, giver, organizationId, wanted, [])
  checkGivingTags(giver, tags, {})
  const service = await serviceFor(deps.records, { roles }, named)
  const nowMs = deps.clock()
  const user: User = {
    ...{
      id: deps.newId('usr'),
      organizationId,
      version: 1,
      email,
      roles,
      tags,
      identities: [],
      authority: 1,
    },
    ...(name === undefined ? {} : { name }),
    ...{ state: { kind: 'invited' }, createdBy: by.id, createdAt: nowMs },
  }
  const { link, text } = makeLink(deps, user, { serviceId: service.id, purpose: 'invitation' }, nowMs)
  const details = { email, roles, tags }
  try {
    await deps.commit({ type: 'user.invited', organizationId, target: user.id, by, details }, [
      insert(users, user),
      insert(oneTimeLinks, link),
    ])
  } catch (cause) {
    throw emailTaken(cause)
  }
  const address = linkAddress(deps.origin, service, 'invitation', text)
  await deps.sendMail(
    invitationMail({ to: email, organization: organization.name, service: service.title, address }),
  )
  return user
}
