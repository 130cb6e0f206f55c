import { managementSource } from '../decisions/management-source.ts'
import { ownDecisions } from '../decisions/own-decisions.ts'
import type { RecordDeps } from '../decisions/record-decisions.ts'
import { type ServerDeciders, serverDeciders } from '../decisions/server-deciders.ts'
import { errorForLog } from '../http/log.ts'
import { QuotaCounter } from '../http/quota.ts'
import type { LiveRevocations } from '../revocations/live.ts'
import { type Guard, guardFrom } from '../sdk/guard.ts'
import type { Parts } from './parts.ts'
import { decisionQuota } from './quotas.ts'

/** So many organizations are counted at once: those longest unheard of begin anew. */
const countedMax = 100_000

/** What decisions are recorded with, those that guards tell of and the server's own: one quota for both. */
export function decisionRecording({ config, machine, store, cached }: Parts): RecordDeps {
  const quota = new QuotaCounter('decisions', decisionQuota(config), countedMax)
  return { records: cached.records, trails: store.trails, clock: machine.clock, quota }
}

/** The guard of the service `latchkey`: of the management API, and of what other guards ask. */
export function managementGuard(
  { config, machine, feed, cached }: Parts,
  revocations: LiveRevocations,
  recording: RecordDeps,
): Guard {
  const { origin, decisionLog } = config
  const onFault = (cause: unknown) =>
    machine.log.error({ err: errorForLog(cause) }, 'decisions of the server were not stored')
  const deliver = ownDecisions(recording, onFault)
  const deps = { records: cached.records, revocations, origin, feedAgeMs: () => feed.ageMs(), deliver }
  // Nodes keep time together; a key's expiry is not to be outlived by half a minute here.
  const options = { algorithms: ['ES256'] as const, clockSkewSecondsMax: 5, decisionLog }
  return guardFrom(managementSource(deps), options, machine)
}

/** Who decide here about the services themselves, for guards that ask. */
export function serviceDeciders(
  { config, machine, store, feed, cached }: Parts,
  revocations: LiveRevocations,
  recording: RecordDeps,
): ServerDeciders {
  const { clock, random, log } = machine
  return serverDeciders({
    ...recording,
    ...{ records: cached.records, resourceRecords: store.records, revocations, clock, random },
    ...{ origin: config.origin, feedAgeMs: () => feed.ageMs(), decisionLog: config.decisionLog },
    onFault: (cause) => log.error({ err: errorForLog(cause) }, 'decisions of the server were not stored'),
  })
}
