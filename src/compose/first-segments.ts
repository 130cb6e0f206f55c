import { managementSlug } from '../services/management-service.ts'

/** First segments of paths that the server serves itself; what follows any other is a service's. */
export const ownSegments = [
  '',
  '.well-known',
  'api',
  'connections',
  'docs',
  'healthz',
  'openapi.json',
  'readyz',
  'static',
] as const

/** No service may have one of these as its slug: they are served, or could be mistaken for what is. */
export const reservedSlugs: ReadonlySet<string> = new Set([
  ...ownSegments,
  ...['console', 'metrics', managementSlug],
  ...['login', 'logout', 'oauth', 'admin', 'assets'],
])
