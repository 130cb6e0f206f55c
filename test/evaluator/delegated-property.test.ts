import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { allows, type Decision, decide } from '../../src/evaluator/decide.ts'
import type { Caller } from '../../src/evaluator/model.ts'
import { factsOf } from './clinic-model.ts'
import { closure } from './naive-decide.ts'
import { names, some, world } from './worlds.ts'

// What must hold of a person who acts through an app, whatever the model: policy, "The procedure", step 3.

type World = typeof world extends fc.Arbitrary<infer T> ? T : never
type Decide = (caller: Caller) => Decision

/** Each person of the world, at each request of it. */
function people(
  { model, roles, entitlement, callers, requests }: World,
  holds: (person: Caller, decideAs: Decide, allowsAs: (caller: Caller) => boolean) => void,
): void {
  const compiled = compileModel(model)
  const facts = factsOf({ org_a: entitlement, org_b: entitlement }, roles)
  for (const one of callers)
    for (const [method, path] of requests)
      for (const { id } of model.operations)
        holds(
          { ...one, kind: 'user' },
          (caller) => decide(compiled, facts, caller, { method, path }),
          (caller) => allows(compiled, facts, caller, id, 'org_b'),
        )
}

/** With the roles alone, as if nothing narrowed them. */
const unnarrowed = ({ scope: _, ...rest }: Caller): Caller => ({ ...rest, kind: 'key' })

test('no scopes, however many, allow what the roles alone do not', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(world, (one) =>
      people(one, (person, decideAs, allowsAs) => {
        for (const scope of [person.scope ?? [], names]) {
          const { allowed, reason } = decideAs({ ...person, scope })
          seen.add(reason)
          if (allowed) expect(decideAs(unnarrowed(person)).allowed).toBe(true)
          if (allowsAs({ ...person, scope })) expect(allowsAs(unnarrowed(person))).toBe(true)
        }
      }),
    ),
    { numRuns: 100 },
  )
  expect([...seen]).toEqual(
    expect.arrayContaining(['allowed', 'insufficient_scope', 'operation_not_in_role']),
  )
})

test('another scope never allows less, and a scope fewer never more', () => {
  fc.assert(
    fc.property(world, some(names), (one, added) =>
      people(one, (person, decideAs, allowsAs) => {
        const more = { ...person, scope: [...(person.scope ?? []), ...added] }
        if (decideAs(person).allowed) expect(decideAs(more).allowed).toBe(true)
        if (allowsAs(person)) expect(allowsAs(more)).toBe(true)
      }),
    ),
    { numRuns: 100 },
  )
})

test('a role fewer never allows more', () => {
  fc.assert(
    fc.property(world, fc.nat(), (one, index) =>
      people(one, (person, decideAs, allowsAs) => {
        const gone = index % (person.roles.length + 1)
        const fewer = { ...person, roles: person.roles.filter((_, at) => at !== gone) }
        if (decideAs(fewer).allowed) expect(decideAs(person).allowed).toBe(true)
        if (allowsAs(fewer)) expect(allowsAs(person)).toBe(true)
      }),
    ),
    { numRuns: 100 },
  )
})

test('without a scope nothing is allowed but what is public', () => {
  fc.assert(
    fc.property(world, (one) =>
      people(one, ({ scope: _, ...person }, decideAs, allowsAs) => {
        expect(decideAs(person).reason).not.toBe('allowed')
        expect(allowsAs(person)).toBe(false)
      }),
    ),
    { numRuns: 100 },
  )
})

test('a want of scope is told only where the roles would do, and what it says is needed does help', () => {
  let told = 0
  fc.assert(
    fc.property(world, (one) =>
      people(one, (person, decideAs) => {
        const denied = decideAs(person)
        if (denied.allowed || denied.reason !== 'insufficient_scope') return
        const { operation, neededScopes = [] } = denied
        const byRoles = decideAs(unnarrowed(person))
        // Where templates overlap another operation may still deny; it is not this one then.
        const isStillThis = !byRoles.allowed && byRoles.operation?.id === operation?.id
        expect(isStillThis && byRoles.reason !== 'unknown_resource').toBe(false)
        for (const name of neededScopes)
          expect(one.model.roles.find((role) => role.name === name)?.delegable).toBe(true)
        if (neededScopes.length === 0) return
        told++
        const again = decideAs({ ...person, scope: [...(person.scope ?? []), ...neededScopes] })
        const isSame = !again.allowed && again.operation?.id === operation?.id
        expect(isSame && again.reason === 'insufficient_scope').toBe(false)
      }),
    ),
    { numRuns: 100 },
  )
  expect(told).toBeGreaterThan(0)
})

test('another organization is reached only where a role and a scope both pass for any', () => {
  let reached = 0
  fc.assert(
    fc.property(world, (one) =>
      people(one, (person, _decideAs, allowsAs) => {
        const foreign = { ...person, organizationId: 'org_a' }
        if (!allowsAs(foreign)) return
        reached++
        expect(allowsAs(unnarrowed(foreign))).toBe(true)
        const scopes = closure(one.model, foreign.scope ?? [])
        const passes = one.model.roles.some(
          ({ name, grantable, anyOrganization }) => scopes.has(name) && !grantable && anyOrganization,
        )
        expect(passes).toBe(true)
      }),
    ),
    { numRuns: 300 },
  )
  expect(reached).toBeGreaterThan(0)
})
