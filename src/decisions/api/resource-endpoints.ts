import type { Context } from 'koa'
import type { Actor } from '../../audit/record.ts'
import { DomainError } from '../../errors.ts'
import { etagOf, readIfMatch } from '../../http/if-match.ts'
import { onceMore } from '../../http/once-more.ts'
import { parseWith } from '../../http/parse-with.ts'
import { defaultBodyLimits, readJson } from '../../http/read-body.ts'
import { readQuery } from '../../http/read-query.ts'
import type { Service } from '../../services/service.ts'
import { registerResources } from '../../tags/register-resources.ts'
import { getNamedResource, rehomeResource, removeResource } from '../../tags/rehome-resource.ts'
import { findResource, type Resource } from '../../tags/resource.ts'
import { NewResourceBody, present } from '../../tags/wire.ts'
import { listReachable } from '../list-reachable.ts'
import { presentReachable } from './reachable-wire.ts'
import { presentRegistration, type ResourceCall, type ResourceDeps } from './registration.ts'
import {
  BatchBody,
  NamedQuery,
  ReachableQuery,
  RehomingBody,
  type ResourceOperationId,
  reachableResourcesId,
  streamResourcesId,
} from './resource-operations.ts'
import { streamRegistrations } from './resource-stream.ts'

export async function answerResources(
  deps: ResourceDeps,
  ctx: Context,
  operationId: ResourceOperationId,
  call: ResourceCall,
): Promise<void> {
  const { service, by } = call
  const ifMatch = readIfMatch(ctx.headers['if-match'])
  const body = async () => (await readJson(ctx.req, defaultBodyLimits)) ?? {}
  switch (operationId) {
    case 'registerResource':
      return answered(
        ctx,
        await registerOne(deps, by, service, parseWith(NewResourceBody, await body(), 'body')),
      )
    case 'registerResources': {
      const wanted = parseWith(BatchBody, await body(), 'body').resources
      ctx.body = { items: (await registerResources(deps, by, service, wanted)).map(presentRegistration) }
      return
    }
    case streamResourcesId:
      return await streamRegistrations(deps, ctx, call)
    case 'readResource':
      return answered(ctx, await getNamedResource(deps.records, service, named(ctx)))
    case 'removeResource':
      await onceMore(ifMatch, () => removeResource(deps, by, service, { ...named(ctx), ifMatch }))
      ctx.status = 204
      return
    case 'rehomeResource': {
      const wanted = parseWith(RehomingBody, await body(), 'body')
      const rehomed = () => rehomeResource(deps, by, service, { ...wanted, ifMatch })
      return answered(ctx, await onceMore(ifMatch, rehomed))
    }
    case reachableResourcesId: {
      const asked = parseWith(ReachableQuery, readQuery(ctx.querystring), 'query')
      ctx.body = presentReachable(await listReachable(deps, service, asked), 'whole')
      return
    }
    default:
      throw new Error(`unknown operation: ${operationId satisfies never}`)
  }
}

function named(ctx: Context) {
  return parseWith(NamedQuery, readQuery(ctx.querystring), 'query')
}

function answered(ctx: Context, resource: Resource): void {
  ctx.status = 200
  ctx.set('ETag', etagOf(resource.version))
  ctx.body = present(resource)
}

async function registerOne(
  deps: ResourceDeps,
  by: Actor,
  service: Service,
  wanted: Parameters<typeof registerResources>[3][number],
): Promise<Resource> {
  const [registration] = await registerResources(deps, by, service, [wanted])
  if (registration?.kind === 'registered') return registration.resource
  if (registration?.kind === 'refused') throw registration.error
  const known = registration && (await findResource(deps.records, service.id, registration.name))
  if (known === undefined) throw new DomainError('conflict', 'the resource was removed meanwhile')
  return known
}
