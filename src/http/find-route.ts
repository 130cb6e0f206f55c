import Router from '@koa/router'
import type { Route } from './route.ts'

export const apiPrefix = '/api/v1'

/** What a path leads to. */
export interface Found {
  /** The operation for this method, if there is one. */
  readonly route?: Route
  /** Path parameters, decoded once. */
  readonly params: Readonly<Record<string, string>>
  /** The methods that this path has; none if there is no such path. */
  readonly allow: readonly string[]
  readonly namesOrganization: boolean
}

/** Finds routes by path and method, exactly: letter case and a trailing slash count, as they do for the decision. */
export function routeFinder(routes: readonly Route[]): (method: string, path: string) => Found {
  const router = new Router({ prefix: apiPrefix, sensitive: true, strict: true })
  const byId = new Map(routes.map((route) => [route.operationId, route]))
  for (const { operationId, method, path } of routes.toSorted(literalsFirst)) {
    router.register(path.replaceAll(/\{([^}]+)\}/g, ':$1'), [method], neverRun, { name: operationId })
  }
  return (method, path) => {
    const matched = router.match(path, method)
    const layer = matched.pathAndMethod[0]
    const route = layer?.name === undefined ? undefined : byId.get(layer.name)
    return {
      ...(route === undefined ? {} : { route }),
      params: layer === undefined ? {} : layer.params(path, layer.captures(path)),
      allow: [...new Set(matched.path.flatMap((one) => one.methods))].toSorted(),
      namesOrganization: matched.path.some((one) =>
        one.paramNames.some(({ name }) => name === 'organization'),
      ),
    }
  }
}

/** `/keys/search` is not the key `search`: a literal sorts before any parameter. */
function literalsFirst(a: Route, b: Route): number {
  return specificity(a) < specificity(b) ? -1 : 1
}

function specificity({ path }: Route): string {
  return path.replaceAll(/\{[^}]+\}/g, '\x7f')
}

/** The library only finds; what runs, and after which checks, is written in one place, `apiRouter`. */
function neverRun(): void {
  throw new Error('routes are run by apiRouter')
}
