import { Command } from 'commander'
import { at, type Paging } from './management-api.ts'
import { organizationIdOf } from './named.ts'
import { ofOrganization, paged } from './options.ts'
import type { Open } from './session.ts'

const pageSize = '50'

export function auditCommand(open: Open): Command {
  const group = new Command('audit').description('what was changed, by whom')
  return trail(open, group, 'audit-events', ['at', 'type', 'target', 'by', 'details'])
}

export function activityCommand(open: Open): Command {
  const group = new Command('activity').description(
    'why keys and assumptions were refused tokens, minute by minute',
  )
  return trail(open, group, 'activity', ['minute', 'key_id', 'assumption_id', 'reason', 'address', 'count'])
}

/** A trail has no end, so unlike other lists it is not followed page by page unasked. */
function trail(open: Open, group: Command, resource: string, fields: readonly string[]): Command {
  paged(
    ofOrganization(group.command('list', { isDefault: true }).description(`one page, of ${pageSize}`)),
  ).action(async (options: Paging & { organization?: string }) => {
    const session = open()
    const id = await organizationIdOf(session, options.organization)
    const path = `${at`/organizations/${id}`}/${resource}`
    const page = await session.api.list(path, { ...options, limit: options.limit ?? pageSize })
    session.output.list(page, fields, 'Nothing yet.')
  })
  return group
}
