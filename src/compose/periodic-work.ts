import { hasConsents } from '../consents/consent.ts'
import { forgetDecisions } from '../decisions/record-decisions.ts'
import { errorForLog } from '../http/log.ts'
import { sweepDomains } from '../organizations/sweep-domains.ts'
import { sweepUnusedApps } from '../registered-apps/sweep-unused-apps.ts'
import type { LiveRevocations } from '../revocations/live.ts'
import { followOlderNodes } from '../tags/follow-older-nodes.ts'
import { administratorsTeller } from '../users/tell-administrators.ts'
import { forgetTries } from '../users/tries.ts'
import { every } from './every.ts'
import type { Parts } from './parts.ts'

const sweepEveryMs = 60_000
/** Each domain is read again daily; that is looked for hourly. */
const sweepDomainsEveryMs = 3_600_000
const sweepAppsEveryMs = 3_600_000
/** Before the first sweep, which lets the feed forget what is to be read of it. */
const olderNodesAfterMs = 5_000
const olderNodesEveryMs = 60_000
/** Counts of tokens issued and refused are kept for 90 days; audit events for good. */
const activityKeptMs = 90 * 24 * 3_600_000

/** @returns how to stop */
export function startPeriodicWork(parts: Parts, revocations: LiveRevocations): () => void {
  const { log } = parts.machine
  const stops = [
    every(sweepEveryMs, () => sweepExpired(parts, revocations), log, 'what has expired was not swept'),
    every(sweepAppsEveryMs, () => sweepApps(parts), log, 'apps that nobody uses were not removed'),
    every(sweepDomainsEveryMs, domainSweep(parts), log, 'domains were not read again'),
    followOlder(parts),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

const dayMs = 24 * 3_600_000

async function sweepExpired(parts: Parts, revocations: LiveRevocations): Promise<void> {
  const { config, store, machine, outbox } = parts
  await store.sweep()
  await revocations.sweep(store.commit)
  await store.counters.forget(machine.clock() - activityKeptMs)
  await forgetTries(store.counters, machine.clock())
  await forgetDecisions(store.trails, machine.clock(), config.decisionsKeptDays * dayMs)
  await outbox.sweep()
}

function sweepApps({ machine, store, commit }: Parts): Promise<void> {
  const { clock, newId } = machine
  const { records } = store
  return sweepUnusedApps({ records, commit, clock, newId, isUsed: hasConsents(records) })
}

function followOlder({ machine, store, cached, feed }: Parts): () => void {
  const failed = 'what older nodes have shared was not listed'
  const olderNodes = followOlderNodes({
    ...{ store, commit: cached.commit, feed },
    onFault: (cause) => machine.log.warn({ err: errorForLog(cause) }, failed),
  })
  const stop = every(olderNodesEveryMs, () => olderNodes.catchUp(), machine.log, failed, olderNodesAfterMs)
  return () => {
    stop()
    olderNodes.stop()
  }
}

function domainSweep({ machine, store, cached, outbox, commit }: Parts): () => Promise<void> {
  const { clock, log, resolveTxt } = machine
  const deps = { records: store.records, commit, keep: cached.commit, clock, resolveTxt }
  const tellAdministrators = administratorsTeller({ records: store.records, sendMail: outbox.send })
  return () =>
    sweepDomains({
      ...deps,
      onFault: (cause, { id }) =>
        log.warn(
          { domain: id, err: errorForLog(cause) },
          'a domain was not read again, or nobody told of it',
        ),
      tellAdministrators: async (organizationId, mail) => {
        log.warn({ organization: organizationId }, mail.subject)
        await tellAdministrators(organizationId, mail)
      },
    })
}
