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

/** A client key by its id, or its name within the organization. */
export async function keyIdOf(session: Session, organizationId: string, given: string): Promise<string> {
  if (given.startsWith('key_')) return given
  const { items } = await session.api.list(at`/organizations/${organizationId}/keys`, {})
  return onlyId(items, 'name', given, 'key', 'latchkey keys list')
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
