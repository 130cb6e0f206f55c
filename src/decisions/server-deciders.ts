import type { ServiceId } from '../ids.ts'
import { DecisionLog } from '../sdk/decision-log.ts'
import { type DecisionLogSetting, decisionLogRules } from '../sdk/decision-log-rules.ts'
import { findService, getService } from '../services/find-service.ts'
import { type Service, services } from '../services/service.ts'
import { recordingOf } from './own-decisions.ts'
import type { RecordDeps } from './record-decisions.ts'
import { type DeciderDeps, ServerDecider } from './server-decider.ts'
import { type ServiceSourceDeps, serviceSource } from './service-source.ts'

type Deps = DeciderDeps &
  RecordDeps &
  Omit<ServiceSourceDeps, 'deliver'> & {
    /** What is decided here and recorded. */
    readonly decisionLog: DecisionLogSetting
    readonly onFault: (cause: unknown) => void
  }

/** Those who decide here, one a service, each made when it is first asked. */
export interface ServerDeciders {
  of(service: Service): ServerDecider
  close(): Promise<void>
}

export function serverDeciders(deps: Deps): ServerDeciders {
  const known = new Map<ServiceId, ServerDecider>()
  const rules = decisionLogRules(deps.decisionLog)
  const make = ({ id }: Service): ServerDecider => {
    const find = () => getService(deps.records, id)
    const deliver = recordingOf(deps, find, deps.onFault)
    const log = rules && new DecisionLog(rules, deliver, deps)
    return new ServerDecider(deps, serviceSource(deps, find, id), find, log)
  }
  const forgetting = forgettingDeleted(deps, known)
  return {
    of: (service) => {
      const before = known.get(service.id)
      if (before !== undefined) return before
      const decider = make(service)
      known.set(service.id, decider)
      // Whoever asks may have found the service before it was deleted, of which nothing is told any more.
      forgetting.look([service.id])
      return decider
    },
    close: async () => {
      forgetting.stop()
      await Promise.all([...known.values()].map((one) => one.close()))
    },
  }
}

interface Forgetting {
  /** Sees whether these services still are. */
  look(ids: readonly ServiceId[]): void
  stop(): void
}

/** A decider holds verified tokens and facts of its service: those of one that is deleted go with it. */
function forgettingDeleted(
  { records, revocations, onFault }: Deps,
  known: Map<ServiceId, ServerDecider>,
): Forgetting {
  const forgetIfDeleted = async (id: ServiceId): Promise<void> => {
    if ((await findService(records, id)) !== undefined) return
    const decider = known.get(id)
    known.delete(id)
    await decider?.close()
  }
  const look = (ids: readonly ServiceId[]): void => {
    for (const id of ids) forgetIfDeleted(id).catch(onFault)
  }
  const stopRows = revocations.onRow(({ items }) => {
    const changed = new Set(items.filter((one) => one.collection === services.name).map(({ id }) => id))
    if (changed.size > 0) look([...known.keys()].filter((id) => changed.has(id)))
  })
  const stopResets = revocations.onReset(() => look([...known.keys()]))
  return {
    look,
    stop: () => {
      stopRows()
      stopResets()
    },
  }
}
