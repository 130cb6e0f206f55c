import { organizations } from '../organizations/organization.ts'
import type { LiveRevocations } from '../revocations/live.ts'
import type { Revocation } from '../revocations/revocation.ts'
import { roles } from '../roles/role.ts'
import type { StreamEvent } from '../sdk/bundle.ts'
import { entitlements } from '../services/entitlement.ts'
import { type Service, services } from '../services/service.ts'
import { feedAgeMsMax } from '../storage/feed.ts'
import type { ChangeRow, Changes, Position } from '../storage/ports.ts'
import { resources } from '../tags/resource.ts'
import { wireRevocation } from './bundle.ts'

interface Deps {
  readonly changes: Changes
  readonly revocations: LiveRevocations
  /** Milliseconds since this node last completed a reading of the feed. */
  readonly feedAgeMs: () => number
}

const heartbeatMs = 1_000
const replayPageSize = 500

interface StreamOptions {
  readonly service: Service
  /** Where the guard left off; absent: from now on. */
  readonly after: Position | undefined
  /** Takes one server-sent event, whole. */
  readonly send: (text: string) => void
  /** Whether anybody still takes what is sent: the past may be long. */
  readonly isWanted: () => boolean
}

/**
 * Sends what changes for a service's guards, in order and without a gap, from `after` on; a position whose rows are
 * forgotten is answered with `reset`. Resolves, once the past is sent, with how to stop.
 */
export async function openStream(deps: Deps, options: StreamOptions): Promise<() => void> {
  const { service, after, send } = options
  const { revocations } = deps
  let sent = after ?? revocations.position()
  let waiting: { row: ChangeRow; entries: readonly Revocation[] }[] | undefined = []

  const pass = (row: ChangeRow, entries: readonly Revocation[]): void => {
    if (row.position <= sent) return
    sent = row.position
    const event = eventOf(service, row, entries)
    if (event !== undefined) send(serverSentEvent(event, row.position))
  }
  const stopRows = revocations.onRow((row, entries) => {
    if (waiting === undefined) pass(row, entries)
    else waiting.push({ row, entries })
  })
  const stopResets = revocations.onReset(() => {
    sent = revocations.position()
    send(serverSentEvent({ event: 'reset' }, sent))
  })
  const stop = (): void => {
    stopRows()
    stopResets()
    clearInterval(heartbeat)
  }
  const beat = (): void => {
    const age = deps.feedAgeMs()
    // What this node says is no longer news.
    if (age > feedAgeMsMax) return
    const position = revocations.position()
    send(
      serverSentEvent(
        { event: 'heartbeat', position, feed_age_ms: Math.round(age) },
        Math.max(sent, position),
      ),
    )
  }
  const heartbeat = setInterval(beat, heartbeatMs).unref()

  try {
    if (!(await replay(deps, options, sent, pass))) {
      sent = revocations.position()
      send(serverSentEvent({ event: 'reset' }, sent))
    }
  } catch (error) {
    stop()
    throw error
  }
  for (const { row, entries } of waiting) pass(row, entries)
  waiting = undefined
  beat()
  return stop
}

/** Passes the rows between a position and what this node has taken in; `false` if some are forgotten. */
async function replay(
  { changes, revocations }: Deps,
  { service, isWanted }: StreamOptions,
  after: Position,
  pass: (row: ChangeRow, entries: readonly Revocation[]) => void,
): Promise<boolean> {
  const until = revocations.position()
  // A position of the future is another store's, or a store that was put back: nothing the guard holds is sure.
  if (after > until) return false
  for (let position = after; position < until && isWanted(); ) {
    const { rows, gap } = await changes.read(position, replayPageSize)
    if (gap) return false
    const known = new Map<string, Revocation>(revocations.of(service.id).map((entry) => [entry.id, entry]))
    for (const row of rows.filter((one) => one.position <= until)) {
      pass(
        row,
        row.items.map((item) => known.get(item.id)).filter((entry) => entry !== undefined),
      )
    }
    const last = rows.at(-1)
    if (last === undefined) return true
    position = last.position
  }
  return true
}

/** What a commit means to the guards of a service; `undefined`: nothing. */
function eventOf(
  service: Service,
  row: ChangeRow,
  entries: readonly Revocation[],
): Extract<StreamEvent, { event: 'change' }> | undefined {
  const named = (collection: string) => row.items.filter((item) => item.collection === collection)
  const mine = entries.filter(({ serviceId }) => serviceId === undefined || serviceId === service.id)
  const bundle = named(services.name).some((item) => item.id === service.id)
  // The feed names the keys under which a document is found: of a role its service, of a resource its name.
  const ofService = `service:${service.id}`
  const changedRoles = named(roles.name)
    .filter(({ located }) => located.includes(ofService))
    .map(({ id }) => id)
  const changedOrganizations = [
    ...named(organizations.name),
    ...named(entitlements.name).filter((item) => item.id === service.id),
  ].map((item) => item.organizationId)
  const prefix = `name:${service.id}`
  const changedResources = named(resources.name).flatMap(({ located }) =>
    located.flatMap((one) => (one.startsWith(prefix) ? [one.slice(prefix.length)] : [])),
  )
  const facts = changedRoles.length + changedOrganizations.length + changedResources.length
  if (!bundle && mine.length + facts === 0) return undefined
  return {
    event: 'change',
    ...(bundle ? { bundle } : {}),
    ...(mine.length > 0 ? { revocations: mine.map(wireRevocation) } : {}),
    ...(changedRoles.length > 0 ? { roles: changedRoles } : {}),
    ...(changedOrganizations.length > 0 ? { organizations: changedOrganizations } : {}),
    ...(changedResources.length > 0 ? { resources: changedResources } : {}),
  }
}

/** As the HTML standard writes them (§9.2.5): JSON has no raw line breaks, so one `data:` line holds it. */
function serverSentEvent({ event, ...data }: StreamEvent, position: Position): string {
  return `event: ${event}\nid: ${position}\ndata: ${JSON.stringify(data)}\n\n`
}
