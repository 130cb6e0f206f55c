import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import type { TaggedWorld, WorldCaller, WorldResource } from '../tagged-world.ts'
import { installedVersion } from './installed-version.ts'
import type { Rival } from './rival.ts'

/** A parsed policy set for each role; a request brings its two entities with their attributes. */
export async function cedar({ callers, resources }: TaggedWorld): Promise<Rival> {
  for (const caller of callers) {
    const answer = preparsePolicySet(caller.role, { staticPolicies: policiesOf(caller) })
    if (answer.type === 'failure')
      throw new Error(`Cedar refused the policies: ${JSON.stringify(answer.errors)}`)
  }
  return {
    name: `Cedar ${installedVersion('@cedar-policy/cedar-wasm')} (wasm)`,
    allows: ({ caller, operation, resource: name }) => {
      const resource = resources.get(name)
      return resource !== undefined && isAllowed(caller, operation, resource)
    },
  }
}

function policiesOf({ statements }: WorldCaller): string {
  const policies = statements.map(({ operations, environments }) => {
    const actions = operations.map((operation) => `Action::"${operation}"`).join(', ')
    const texts = environments.map((environment) => `"${environment}"`).join(', ')
    return `permit (principal, action in [${actions}], resource) when {
      resource.owner == principal.organization && resource.team == principal.team && [${texts}].contains(resource.env)
    };`
  })
  return policies.join('\n')
}

function isAllowed(caller: WorldCaller, operation: string, { id, owner, team, env }: WorldResource): boolean {
  const principal = { type: 'Key', id: caller.id }
  const resource = { type: 'Resource', id }
  const { organization } = caller
  const answer = statefulIsAuthorized({
    ...{ principal, resource, action: { type: 'Action', id: operation }, context: {} },
    preparsedPolicySetId: caller.role,
    entities: [
      { uid: principal, attrs: { organization, team: caller.team }, parents: [] },
      { uid: resource, attrs: { owner, team, env }, parents: [] },
    ],
  })
  if (answer.type === 'failure') throw new Error(`Cedar failed: ${JSON.stringify(answer.errors)}`)
  return answer.response.decision === 'allow'
}
