import type { OrganizationFact } from './bundle.ts'

/** A suspended organization may use nothing. */
export function entitlementOf(organization: OrganizationFact | null): readonly string[] {
  return organization === null || organization.state === 'suspended' ? [] : organization.entitlement
}
