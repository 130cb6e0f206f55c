import type { Adapter } from 'oidc-provider'
import { z } from 'zod'
import type { ServiceId } from '../ids.ts'
import { type ArtifactDeps, artifactAdapter } from './artifact-adapter.ts'
import type { EndedTokens } from './ended-tokens.ts'

interface Deps extends ArtifactDeps {
  readonly endedTokens: EndedTokens
}

const Ver = z.record(z.string(), z.number()).catch({})

/**
 * Access tokens that are not structured: those for userinfo. They end as the others do, with the authority of whom they
 * name: the person, the app, and the organization of each.
 */
export function accessTokenAdapter(deps: Deps, serviceId: ServiceId): Adapter {
  const kept = artifactAdapter(deps, serviceId, 'AccessToken')
  return {
    ...kept,
    find: async (id) => {
      const found = await kept.find(id)
      if (found === undefined) return undefined
      const { extra, jti = '', grantId } = found
      const authorities = Object.entries(Ver.parse(extra?.['ver']))
      // Not signed, and without a role: these entries are about others.
      return deps.endedTokens.has({ authorities, jti, grantId, roles: [], kid: '' }) ? undefined : found
    },
  }
}
