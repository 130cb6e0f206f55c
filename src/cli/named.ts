import { Failure } from './failure.ts'
import { at } from './management-api.ts'
import type { Item } from './output.ts'
import type { Session } from './session.ts'
import { printable } from './table.ts'

/** `--organization` as an id: an id or slug as given, without it the organization of the key in use. */
export async function organizationIdOf(session: Session, given: string | undefined): Promise<string> {
  if (given === undefined) return session.ownOrganizationId()
  if (given.startsWith('org_')) return given
  // A customer may see only its own organization; it need not be allowed to list them all.
  const own = await session.ownOrganizationId()
  if ((await session.api.get(at`/organizations/${own}`))['slug'] === given) return own
  const { items } = await session.api.list('/organizations', {})
  return onlyId(items, 'slug', given, 'organization', 'latchkey organizations list')
}

/** An organization-defined role by its id, or its name within the organization. */
export async function roleIdOf(session: Session, organizationId: string, given: string): Promise<string> {
  if (given.startsWith('rol_')) return given
  const { items } = await session.api.list(at`/organizations/${organizationId}/roles`, {})
  return onlyId(items, 'name', given, 'role', 'latchkey roles list')
}

/** An assumption by its id, or its name within the organization that has it. */
export async function assumptionIdOf(
  session: Session,
  organizationId: string,
  given: string,
): Promise<string> {
  if (given.startsWith('asm_')) return given
  const { items } = await session.api.list(at`/organizations/${organizationId}/assumptions`, {})
  return onlyId(items, 'name', given, 'assumption', 'latchkey assumptions list')
}

/** A client key by its id, or its name within the organization. */
export async function keyIdOf(session: Session, organizationId: string, given: string): Promise<string> {
  if (given.startsWith('key_')) return given
  const { items } = await session.api.list(at`/organizations/${organizationId}/keys`, {})
  return onlyId(items, 'name', given, 'key', 'latchkey keys list')
}

/** A person by id, or by the e-mail address within the organization. */
export async function userIdOf(session: Session, organizationId: string, given: string): Promise<string> {
  if (given.startsWith('usr_')) return given
  const { items } = await session.api.list(at`/organizations/${organizationId}/users`, {}, { email: given })
  const id = items[0]?.['id']
  if (id !== undefined) return String(id)
  throw new Failure(`nobody has the address ${printable(given)} there`, {
    exitCode: 1,
    fix: 'see `latchkey users list`',
  })
}

/** A domain by its id, or its name within the organization. */
export async function domainIdOf(session: Session, organizationId: string, given: string): Promise<string> {
  if (given.startsWith('dom_')) return given
  const { items } = await session.api.list(at`/organizations/${organizationId}/domains`, {})
  return onlyId(items, 'name', given.toLowerCase(), 'domain', 'latchkey domains list')
}

/** A connection by its id, or its name within the organization. */
export async function connectionIdOf(
  session: Session,
  organizationId: string,
  given: string,
): Promise<string> {
  if (given.startsWith('con_')) return given
  const { items } = await session.api.list(at`/organizations/${organizationId}/connections`, {})
  return onlyId(items, 'name', given, 'connection', 'latchkey connections list')
}

/** A mail by its id; for an address, the newest to it. */
export async function mailIdOf(session: Session, given: string): Promise<string> {
  if (given.startsWith('mal_')) return given
  const { items } = await session.api.list('/mails', {})
  // As it was typed where the mail was asked for.
  const to = given.toLowerCase()
  const id = items.findLast((mail) => String(mail['to']).toLowerCase() === to)?.['id']
  if (id !== undefined) return String(id)
  throw new Failure(`no mail to ${printable(given)} waits here`, {
    exitCode: 1,
    fix: 'see `latchkey mails list`',
  })
}

function onlyId(items: readonly Item[], field: string, given: string, noun: string, list: string): string {
  const ids = items.filter((item) => item[field] === given).map((item) => String(item['id']))
  const [id, ...others] = ids
  if (id === undefined)
    throw new Failure(`no ${noun} is called ${printable(given)}`, { exitCode: 1, fix: `see \`${list}\`` })
  if (others.length > 0)
    throw new Failure(`${ids.length} ${noun}s are called ${printable(given)}`, {
      exitCode: 1,
      fix: `give the id: ${ids.join(', ')}`,
    })
  return id
}
