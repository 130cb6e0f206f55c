import { z } from 'zod'
import { rfc3339 } from '../clock.ts'
import { presentTags, TagsBody } from '../services/principal-tags.ts'
import { pathIn, type Resource } from './resource.ts'
import { resourceTags } from './resource-tags.ts'

const pathLengthMax = 1_000

/** How an API names one of its resources. */
export const named = {
  path: z
    .string()
    .min(1)
    .max(pathLengthMax)
    .describe('As in a request, without what comes after the resource: /clusters/c1.'),
  namespace: z
    .string()
    .min(1)
    .max(200)
    .regex(/^\P{C}+$/u, 'has a character that is not shown')
    .optional()
    .describe('Where its ids are unique, if the document says that they are not so by themselves.'),
}

export const NewResourceBody = z.strictObject({
  ...named,
  organization: z.string().max(40).describe("The owner's id: of an organization that may use the service."),
  tags: resourceTags.default({}),
})

export const ResourceBody = z.strictObject({
  id: z.string(),
  organization_id: z.string(),
  service_id: z.string(),
  path: z.string(),
  namespace: z.string().nullable(),
  name: z.string().describe('The path with its ids in braces, after its namespace: what guards call it.'),
  tags: TagsBody,
  registered_by: z.string(),
  created_at: z.string(),
})

export function present(resource: Resource): z.input<typeof ResourceBody> {
  const { path, namespace } = pathIn(resource.name)
  return {
    id: resource.id,
    organization_id: resource.organizationId,
    service_id: resource.serviceId,
    path,
    namespace: namespace ?? null,
    name: resource.name,
    tags: presentTags(resource.tags),
    registered_by: resource.registeredBy,
    created_at: rfc3339(resource.createdAt),
  }
}
