import { z } from 'zod'
import { DomainError } from '../../errors.ts'
import { type OrganizationId, parseId } from '../../ids.ts'
import type { ListOf } from '../list-services.ts'

export const tag = 'Services'
/** What the path parameters are. */
export const service = 'the id or the slug of the service'
export const organization = "the organization's id"

export const paging = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(100).optional(),
}
export const confirmation = z.string().max(100).optional().meta({
  description: 'What the answer `confirmation_required` gave, once its changes have been looked at.',
})
export const audience = z
  .string()
  .max(500)
  .optional()
  .meta({ description: 'The base URL of the API, where the `servers` of the document do not say it.' })

export function listOf<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item), next_cursor: z.string().nullable() })
}

export function presentList<T, W>(list: ListOf<T>, present: (item: T) => W) {
  return { body: { items: list.items.map(present), next_cursor: list.nextCursor } }
}

/** @throws {DomainError} `organization_not_found` for what no organization can have as its id */
export function organizationIdOf(given: string): OrganizationId {
  const id = parseId('org', given)
  if (id === undefined) throw new DomainError('organization_not_found', 'no such organization')
  return id
}
