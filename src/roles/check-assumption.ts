import { DomainError } from '../errors.ts'
import { parseId } from '../ids.ts'
import type { Giver } from '../services/giving.ts'
import { guardRoleName } from '../services/management-service.ts'
import { checkGivingTags } from '../services/principal-tags.ts'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import type { Assumption } from './assumption.ts'
import { checkGiving } from './check-giving.ts'
import type { Ground } from './ground.ts'

/**
 * Letting another organization take a role is giving it, with its tags, to whoever may come: the one rule for giving.
 * @throws {DomainError} `role_not_found`, `role_not_grantable`, `tag_not_grantable`, `invalid_request` (the life)
 */
export async function checkGivingAssumption(
  records: Records,
  ground: Ground,
  giver: Giver,
  { role, tags, lifeSecondsMax }: Pick<Assumption, 'role' | 'tags' | 'lifeSecondsMax'>,
): Promise<void> {
  await checkGiving(records, ground, giver, role)
  if (!isAssumable(ground.service, role)) throw notAssumable(role)
  checkGivingTags(giver, tags, {})
  const { accessTokenTtlSeconds, slug } = ground.service
  if (lifeSecondsMax > accessTokenTtlSeconds) {
    const detail = `is longer than a token of ${slug} lives: ${accessTokenTtlSeconds} seconds`
    throw new DomainError('invalid_request', `life_seconds_max ${detail}`, {
      faults: [{ pointer: '/life_seconds_max', detail, fix: 'give as many at most, or leave it out' }],
    })
  }
}

/**
 * Whether another organization may take the role at all: not one that is the operator's alone, nor that of a guard,
 * whose key says what it guards.
 */
export function isAssumable({ kind, model }: Service, role: string): boolean {
  if (parseId('rol', role) !== undefined) return true
  if (kind === 'system' && role === guardRoleName) return false
  return model.roles.some(({ name, grantable }) => name === role && grantable)
}

function notAssumable(role: string): DomainError {
  const detail = 'cannot be assumed: it is the operator’s alone, or a guard’s'
  return new DomainError('role_not_grantable', `the role ${role} ${detail}`, {
    fix: 'name a role that customers may hold',
    faults: [{ pointer: '/role', detail }],
  })
}
