import type { Actor, Commit } from '../audit/record.ts'
import type { DomainError } from '../errors.ts'
import type { ServiceId } from '../ids.ts'
import type { Connection } from './connection.ts'
import type { UpstreamIdentity } from './upstream-sign-in.ts'

/** Where somebody was refused, and who it was, as far as the provider came to say it. */
interface Met {
  readonly serviceId: ServiceId
  readonly requestId: string
  readonly address: string
  readonly identity: Pick<UpstreamIdentity, 'subject' | 'email'> | undefined
}

const textMax = 254

/** Tells an organization's trail why somebody did not come in through its provider, and what to do about it. */
export async function recordRefusal(
  { commit }: { readonly commit: Commit },
  { id, organizationId, name }: Connection,
  { message, fix }: DomainError,
  { serviceId, requestId, address, identity }: Met,
): Promise<void> {
  const by: Actor = { kind: 'system', id: 'connection-sign-in', organizationId, requestId, address }
  const details = {
    ...{ reason: message, fix: fix ?? null, connection: name, service_id: serviceId },
    ...{ subject: told(identity?.subject), email: told(identity?.email) },
  }
  await commit({ type: 'person.refused', organizationId, target: id, by, details }, [])
}

function told(text: string | undefined): string | null {
  return text?.replaceAll(/\p{C}/gu, '').slice(0, textMax) ?? null
}
