import { z } from 'zod'
import type { OrganizationId } from '../ids.ts'
import type { Service } from '../services/service.ts'
import type { Collection, Records, Stored } from '../storage/ports.ts'
import type { App } from './app.ts'

export const policyModes = ['all', 'approved', 'ask'] as const
export const unverifiedRules = ['ask', 'deny', 'allow'] as const

/** Which third-party apps an organization lets its people authorize. */
export interface AppPolicy extends Stored {
  /** The organization's own: it has one. */
  readonly id: OrganizationId
  /** `approved`: those alone; `ask`: another one needs an administrator. */
  readonly mode: (typeof policyModes)[number]
  /** What goes for an app that no organization answers for, where the mode is no stricter. */
  readonly unverified: (typeof unverifiedRules)[number]
  /** By `client_id`. */
  readonly approved: readonly string[]
}

export const approvedMax = 500

export const appPolicies: Collection<AppPolicy> = {
  name: 'app_policies',
  schema: z.custom<AppPolicy>((value) => typeof value === 'object' && value !== null),
  indexes: { all: { keys: () => [''] } },
}

/** The organization's policy; before anybody has set one, the default at version 0. */
export async function appPolicyOf(records: Records, organizationId: OrganizationId): Promise<AppPolicy> {
  const found = await records.find(organizationId, appPolicies, organizationId)
  return (
    found ?? {
      ...{ id: organizationId, organizationId, version: 0 },
      ...{ mode: 'all', unverified: 'ask', approved: [] },
    }
  )
}

/** Whether people of the organization may authorize an app; `ask`: once an administrator has approved it. */
export type AppVerdict = 'allowed' | 'ask' | 'denied'

/** The service's own apps, and the organization's, are no third party's. */
export function appVerdict(policy: AppPolicy, app: App, service: Service): AppVerdict {
  const maker = app.organization?.id
  if (maker === service.organizationId || maker === policy.organizationId) return 'allowed'
  if (policy.approved.includes(app.clientId)) return 'allowed'
  const byMode = ({ all: 'allowed', approved: 'denied', ask: 'ask' } as const)[policy.mode]
  if (maker !== undefined) return byMode
  const byRule = ({ allow: 'allowed', ask: 'ask', deny: 'denied' } as const)[policy.unverified]
  return strictness[byMode] > strictness[byRule] ? byMode : byRule
}

const strictness: Readonly<Record<AppVerdict, number>> = { allowed: 0, ask: 1, denied: 2 }
