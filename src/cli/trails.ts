import { Command, Option } from 'commander'
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

interface DecisionOptions extends Paging {
  readonly organization?: string
  readonly ofService?: string
  readonly decision?: string
  readonly principal?: string
  readonly operation?: string
  readonly outcome?: string
  readonly reason?: string
  readonly since?: string
  readonly until?: string
}

/** None are kept unasked. */
const noDecisions =
  'Nothing yet. Decisions are told of by guards that have a decision log (`decisionLog` of createGuard, ' +
  '`latchkey guard --decision-log`), and by a server with LATCHKEY_DECISION_LOG.'
const decisionFields = ['at', 'outcome', 'reason', 'method', 'path', 'resource', 'principal', 'count', 'id']

export function decisionsCommand(open: Open): Command {
  const group = new Command('decisions').description('who asked for what, and how guards decided')
  paged(ofOrganization(group.command('list', { isDefault: true }).description(`one page, of ${pageSize}`)))
    .option('--of-service <id or slug>', 'what the guards of a service decided, whoever called')
    .option('--decision <id>', 'the one that an answer names as X-Decision-Id')
    .option('--principal <id>', 'of a key, a person, or the app that acted for them')
    .option('--operation <id>', 'of the document')
    .addOption(new Option('--outcome <outcome>').choices(['allowed', 'denied', 'not_recorded']))
    .option('--reason <code>', 'such as operation_not_in_role')
    .option('--since <time>', 'from this time on (RFC 3339)')
    .option('--until <time>', 'before this time (RFC 3339)')
    .action(async (options: DecisionOptions) => {
      const session = open()
      const { limit = pageSize, cursor, ofService, organization, since: from, until: to } = options
      const { decision, principal, operation, outcome, reason } = options
      const path =
        ofService === undefined
          ? at`/organizations/${await organizationIdOf(session, organization)}/decisions`
          : at`/services/${ofService}/decisions`
      const query = { decision, principal, operation, outcome, reason, from, to }
      session.output.list(await session.api.list(path, { limit, cursor }, query), decisionFields, noDecisions)
    })
  return group
}
