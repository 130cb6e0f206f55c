import { createMongoAbility, type MongoAbility } from '@casl/ability'
import type { TaggedWorld, WorldCaller } from '../tagged-world.ts'
import { installedVersion } from './installed-version.ts'
import type { Rival } from './rival.ts'

/** An ability for each caller, made beforehand, with the caller's own values written into its conditions. */
export async function casl({ callers, resources }: TaggedWorld): Promise<Rival> {
  const abilities = new Map(callers.map((caller) => [caller.id, abilityOf(caller)]))
  return {
    name: `CASL ${installedVersion('@casl/ability')}`,
    allows: ({ caller, operation, resource: name }) => {
      const resource = resources.get(name)
      return resource !== undefined && abilities.get(caller.id)?.can(operation, resource) === true
    },
  }
}

function abilityOf({ organization, team, statements }: WorldCaller): MongoAbility {
  const rules = statements.map(({ operations, environments }) => ({
    action: [...operations],
    subject: 'Resource',
    conditions: { owner: organization, team, env: { $in: [...environments] } },
  }))
  return createMongoAbility(rules, { detectSubjectType: () => 'Resource' })
}
