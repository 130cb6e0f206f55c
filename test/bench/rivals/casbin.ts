import { type Enforcer, newEnforcer, newModelFromString } from 'casbin'
import type { TaggedWorld, WorldCaller } from '../tagged-world.ts'
import { installedVersion } from './installed-version.ts'
import type { Rival } from './rival.ts'

const model = `
[request_definition]
r = sub, obj, act

[policy_definition]
p = act, env

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = r.act == p.act && r.obj.env == p.env && r.obj.owner == r.sub.organization && r.obj.team == r.sub.team
`

/** An enforcer for each role, so that it tries the policies of that role alone: with one for all it would try each role's. */
export async function casbin({ callers, resources }: TaggedWorld): Promise<Rival> {
  const enforcers = new Map<string, Enforcer>()
  for (const caller of callers) enforcers.set(caller.id, await enforcerOf(caller))
  return {
    name: `casbin ${installedVersion('casbin')}`,
    allows: ({ caller, operation, resource: name }) => {
      const resource = resources.get(name)
      return (
        resource !== undefined && enforcers.get(caller.id)?.enforceSync(caller, resource, operation) === true
      )
    },
  }
}

async function enforcerOf({ statements }: WorldCaller): Promise<Enforcer> {
  const enforcer = await newEnforcer(newModelFromString(model))
  const lines = statements.flatMap(({ operations, environments }) =>
    operations.flatMap((operation) => environments.map((environment) => `${operation} ${environment}`)),
  )
  // It refuses a policy that it has.
  await enforcer.addPolicies([...new Set(lines)].map((line) => line.split(' ')))
  return enforcer
}
