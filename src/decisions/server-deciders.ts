import type { ServiceId } from '../ids.ts'
import { DecisionLog } from '../sdk/decision-log.ts'
import { type DecisionLogSetting, decisionLogRules } from '../sdk/decision-log-rules.ts'
import { getService } from '../services/find-service.ts'
import type { Service } from '../services/service.ts'
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
  return {
    of: (service) => {
      const decider = known.get(service.id) ?? make(service)
      known.set(service.id, decider)
      return decider
    },
    close: async () => {
      await Promise.all([...known.values()].map((one) => one.close()))
    },
  }
}
