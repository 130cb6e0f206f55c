import type { SendMail } from '../mail/mail.ts'
import type { TellAdministrators } from '../organizations/sweep-domains.ts'
import { getService } from '../services/find-service.ts'
import { managementSlug, organizationAdminRoleName } from '../services/management-service.ts'
import type { Records } from '../storage/ports.ts'
import { users } from './user.ts'

/** An organization has a few; one with more has them read it to each other. */
const toldMax = 100

/** Mails the people who hold `organization-admin` on the service `latchkey` and may sign in. */
export function administratorsTeller(deps: {
  readonly records: Records
  readonly sendMail: SendMail
}): TellAdministrators {
  return async (organizationId, mail) => {
    const { id } = await getService(deps.records, managementSlug)
    const role = `${id}/${organizationAdminRoleName}`
    const found = await deps.records.list(organizationId, users, 'role', role, { limit: toldMax })
    for (const { email, state } of found)
      if (state.kind === 'active') await deps.sendMail({ to: email, ...mail })
  }
}
