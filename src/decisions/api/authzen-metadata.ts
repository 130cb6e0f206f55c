import type { Middleware } from 'koa'
import { DomainError } from '../../errors.ts'
import { findServiceBySlug } from '../../services/find-service.ts'
import type { Records } from '../../storage/ports.ts'

interface Deps {
  /** The cached ones. */
  readonly records: Records
  readonly origin: string
}

const path = /^\/\.well-known\/authzen-configuration\/([^/]+)$/

/** Where the AuthZEN API of a service is (§9.2): anybody may know. */
export function authzenMetadata({ records, origin }: Deps): Middleware {
  return async (ctx, next) => {
    const slug = path.exec(ctx.path)?.[1]
    if (slug === undefined || !['GET', 'HEAD'].includes(ctx.method)) return next()
    const service = await findServiceBySlug(records, slug)
    // The management API decides about itself alone.
    if (service === undefined || service.kind === 'system')
      throw new DomainError('service_not_found', `no service ${slug}`)
    const point = `${origin}/${service.slug}`
    ctx.status = 200
    // Only a deployment that moves changes them.
    ctx.set('Cache-Control', 'public, max-age=3600')
    ctx.body = {
      policy_decision_point: point,
      access_evaluation_endpoint: `${point}/access/v1/evaluation`,
      access_evaluations_endpoint: `${point}/access/v1/evaluations`,
      search_subject_endpoint: `${point}/access/v1/search/subject`,
      search_resource_endpoint: `${point}/access/v1/search/resource`,
      search_action_endpoint: `${point}/access/v1/search/action`,
    }
  }
}
