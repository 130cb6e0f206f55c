import type { Config } from '../config.ts'
import type { OrganizationId } from '../ids.ts'
import { createOutbox, type Deliver, type Outbox } from '../mail/outbox.ts'
import { organizations } from '../organizations/organization.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Store } from '../storage/ports.ts'
import type { Machine } from './machine.ts'

interface Deps {
  readonly machine: Machine
  readonly secrets: Secrets
  readonly store: Store
  readonly cached: Pick<Store, 'records' | 'commit'>
}

/** Through the configured mail server; without one, mails wait for the operator to read them. */
export async function openOutbox(deps: Deps, config: Config): Promise<Outbox> {
  const { machine, secrets, store, cached } = deps
  const { clock, newId, log } = machine
  return createOutbox({
    ...{ records: store.records, commit: cached.commit, secrets, clock, newId, log },
    operatorId: () => operatorOf(cached.records),
    deliver: await mailDelivery(config),
  })
}

async function mailDelivery({ smtp }: Config): Promise<Deliver | undefined> {
  if (smtp === undefined) return undefined
  const { smtpDelivery } = await import('../mail/smtp.ts')
  return smtpDelivery(smtp)
}

async function operatorOf(records: Store['records']): Promise<OrganizationId> {
  const [place] = await records.locate(organizations, 'operator', '', { limit: 1 })
  if (place === undefined) throw new Error('there is no operator: the first start has not run')
  return place.organizationId
}
