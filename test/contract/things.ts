import { z } from 'zod'
import type { OrganizationId, ServiceId } from '../../src/ids.ts'
import type { Collection, Stored } from '../../src/storage/ports.ts'

/** What the contract keeps: small, with an index of each kind. */

const organizationIdSchema = z.custom<OrganizationId>((value) => typeof value === 'string')
const stored = { id: z.string(), organizationId: organizationIdSchema, version: z.int() }

export interface Thing extends Stored {
  readonly name: string
  /** At most one of each in an organization. */
  readonly label?: string | undefined
  /** At most one of each anywhere. */
  readonly slug?: string | undefined
  readonly tags: readonly string[]
  readonly count: number
  readonly nested?: unknown
}

export const things: Collection<Thing> = {
  name: 'contract_things',
  schema: z.object({
    ...stored,
    name: z.string(),
    label: z.string().optional(),
    slug: z.string().optional(),
    tags: z.array(z.string()),
    count: z.int(),
    nested: z.unknown().optional(),
  }),
  indexes: {
    all: { keys: () => [''] },
    tag: { keys: (thing) => thing.tags },
    label: { keys: (thing) => present(thing.label), unique: true },
    slug: { keys: (thing) => present(thing.slug), unique: true, deploymentWide: true },
    name: { keys: (thing) => [thing.name], deploymentWide: true },
  },
}

export interface Entry extends Stored {
  readonly writer: string
  readonly wave: number
}

export const entries: Collection<Entry> = {
  name: 'contract_entries',
  appendOnly: true,
  schema: z.object({ ...stored, writer: z.string(), wave: z.int() }),
  indexes: { all: { keys: () => [''], deploymentWide: true } },
}

function present(key: string | undefined): readonly string[] {
  return key === undefined ? [] : [key]
}

export function organization(name: string): OrganizationId {
  // Sound: a store takes any text; only the brand is missing.
  return `org_${name}` as OrganizationId
}

export function service(name: string): ServiceId {
  // Sound: as above.
  return `svc_${name}` as ServiceId
}

export function thing(organizationId: OrganizationId, id: string, more: Partial<Thing> = {}): Thing {
  return { id, organizationId, version: 1, name: `name of ${id}`, tags: [], count: 0, ...more }
}

export function entry(organizationId: OrganizationId, id: string, more: Partial<Entry> = {}): Entry {
  return { id, organizationId, version: 1, writer: 'one', wave: 0, ...more }
}
