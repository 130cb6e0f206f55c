import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { type Allowed, type Decision, decide } from '../../src/evaluator/decide.ts'
import type { Caller, ResourceFact, Statement } from '../../src/evaluator/model.ts'
import { filterJson } from '../../src/evaluator/response/response-filter.ts'
import { factsOf } from './clinic-model.ts'
import { decisionRequest, type LimitedRequest, type LimitedWorld, limitedWorld } from './limited-worlds.ts'
import { type NaiveView, naiveAnswer } from './naive-decide.ts'
import { naiveNames } from './naive-resource.ts'

/** How many random worlds are looked at: more by hand, after a change of the rules. A world has some 90 decisions. */
const worlds = Number(process.env['LATCHKEY_TEST_WORLDS'] ?? 300)

function deciding({ model, roles, entitlement, resources }: LimitedWorld) {
  const compiled = compileModel(model)
  const facts = factsOf({ org_a: entitlement, org_b: entitlement }, roles, resources)
  return (caller: Caller, request: LimitedRequest): Decision =>
    decide(compiled, facts, caller, decisionRequest(request))
}

function forEach(
  numRuns: number,
  holds: (one: LimitedWorld, caller: Caller, request: LimitedRequest) => void,
): void {
  fc.assert(
    fc.property(limitedWorld, (one) => {
      for (const caller of one.callers) for (const request of one.requests) holds(one, caller, request)
    }),
    { numRuns },
  )
}

const response = { a: 1, b: { e: 1 }, c: { d: 1, e: 1 } }
const responseFields = [['a'], ['b', 'e'], ['c', 'd'], ['c', 'e']] as const

function viewThrough({ filter }: Allowed, names: readonly string[]): NaiveView {
  let at: unknown = filter === undefined ? response : filterJson(filter, response)
  for (const name of names) at = new Map(Object.entries(at ?? {})).get(name)
  if (at === undefined) return 'left out'
  return at === '***' ? 'masked' : 'shown'
}

test('the decision is that of the rules said plainly, with conditions, fields, owners, tags and filters', () => {
  const reasons = new Map<string, number>()
  const views = new Map<string, number>()
  fc.assert(
    fc.property(limitedWorld, (one) => {
      const decideAs = deciding(one)
      for (const caller of one.callers)
        for (const request of one.requests) {
          const decision = decideAs(caller, request)
          const { reason } = decision
          reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
          const right = naiveAnswer(one.model, one, caller, request.method, request.path, request)
          if (!right.reasons.includes(reason)) expect(right.reasons).toContain(reason)
          if (!decision.allowed) continue
          const seen = responseFields.map((names) => viewThrough(decision, names))
          views.set(seen.join(), (views.get(seen.join()) ?? 0) + 1)
          expect(seen).toEqual(responseFields.map((names) => right.view(names)))
        }
    }),
    { numRuns: worlds },
  )
  if (process.env['LATCHKEY_TEST_WORLDS'] !== undefined)
    console.log(Object.fromEntries([...reasons, ...views]))
  expect([...reasons.keys()].sort()).toEqual([
    'allowed',
    'ambiguous_request',
    'condition_false',
    'condition_unknown',
    'field_not_allowed',
    'insufficient_scope',
    'method_not_allowed',
    'no_role',
    'operation_not_in_role',
    'public',
    'tag_mismatch',
    'unknown_operation',
    'unknown_resource',
  ])
  expect(views.size).toBeGreaterThan(10)
}, 3_600_000)

test('without the body, the decision is that of the rules said plainly, too, and no body turns it but where one is required', () => {
  const reasons = new Map<string, number>()
  fc.assert(
    fc.property(limitedWorld, (one) => {
      const decideAs = deciding(one)
      const bodies = one.requests.slice(0, 6).map(({ body }) => body)
      for (const caller of one.callers)
        for (const request of one.requests) {
          const unread = { ...request, isBodyUnread: true } as const
          const { reason, allowed } = decideAs(caller, unread)
          reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
          const right = naiveAnswer(one.model, one, caller, request.method, request.path, unread)
          if (!right.reasons.includes(reason)) expect(right.reasons).toContain(reason)
          if (reason === 'body_required') continue
          for (const body of bodies)
            if (decideAs(caller, { ...request, body }).allowed !== allowed)
              expect.fail(`${reason} without the body, and not with ${JSON.stringify(body)}`)
        }
    }),
    { numRuns: Math.ceil(worlds / 6) },
  )
  expect([...reasons.keys()]).toEqual(
    expect.arrayContaining(['allowed', 'body_required', 'condition_unknown', 'field_not_allowed']),
  )
}, 3_600_000)

/** The world with its statements changed. */
function withStatements(one: LimitedWorld, change: (statement: Statement) => Statement): LimitedWorld {
  const changed = <R extends { readonly allow: readonly Statement[] }>(role: R) => ({
    ...role,
    allow: role.allow.map(change),
  })
  return {
    ...one,
    roles: one.roles.map(changed),
    model: { ...one.model, roles: one.model.roles.map(changed) },
  }
}

function withResources(one: LimitedWorld, change: (resource: ResourceFact) => ResourceFact): LimitedWorld {
  const entries = Object.entries(one.resources).map(([name, resource]) => [name, change(resource)] as const)
  return { ...one, resources: Object.fromEntries(entries) }
}

const withoutWhere = ({ where: _, ...statement }: Statement): Statement => statement

describe('whatever the model, the roles and the resources', { timeout: 600_000 }, () => {
  test('a tag with a new key on a resource never allows more where no condition speaks of tags', () => {
    let lost = 0
    fc.assert(
      fc.property(limitedWorld, (written) => {
        const before = withStatements(written, withoutWhere)
        const after = withResources(before, ({ tags, ...rest }) => ({
          ...rest,
          tags: { ...tags, fresh: ['x'] },
        }))
        const [decideBefore, decideAfter] = [deciding(before), deciding(after)]
        for (const caller of before.callers)
          for (const request of before.requests) {
            const isAllowed = decideBefore(caller, request).allowed
            const isStillAllowed = decideAfter(caller, request).allowed
            if (isAllowed && !isStillAllowed) lost++
            if (isStillAllowed && !isAllowed) expect.fail('a tag more allowed it')
          }
      }),
      { numRuns: worlds },
    )
    expect(lost).toBeGreaterThan(0)
  })

  test('a role fewer never allows or shows more', () => {
    forEach(Math.ceil(worlds / 8), (one, caller, request) => {
      const decideAs = deciding(one)
      const before = decideAs(caller, request)
      for (const role of caller.roles) {
        const without = { ...caller, roles: caller.roles.filter((other) => other !== role) }
        const after = decideAs(without, request)
        if (!after.allowed) continue
        if (!before.allowed) expect.fail('a role fewer allowed it')
        for (const names of responseFields)
          if (viewThrough(after, names) === 'shown') expect(viewThrough(before, names)).toBe('shown')
      }
    })
  })

  test.each([
    "$principalTags:absent = 'x'",
    "$principalTags:absent != 'x'",
    "NOT $principalTags:absent IN ('x')",
    "$principalTags:absent NOT LIKE 'x%'",
  ])('what is unknown never allows: %s', (where) => {
    let unknown = 0
    fc.assert(
      fc.property(limitedWorld, (written) => {
        const unknowing = withStatements(written, (statement) => ({ ...statement, where }))
        const operations = unknowing.model.operations.map((one) => ({ ...one, alternatives: [] }))
        const decideAs = deciding({ ...unknowing, model: { ...unknowing.model, operations } })
        for (const caller of written.callers)
          for (const request of written.requests) {
            const { allowed, reason } = decideAs(caller, request)
            if (reason === 'condition_unknown') unknown++
            if (allowed && reason !== 'public') expect.fail('what is unknown allowed it')
          }
      }),
      { numRuns: Math.ceil(worlds / 4) },
    )
    expect(unknown).toBeGreaterThan(0)
  })

  test('no role that an organization can write reaches a resource of another that is not shared', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(limitedWorld, (written) => {
        const operations = written.model.operations.map(({ public: _, ...one }) => one)
        const model = { ...written.model, operations, resources: 'latchkey' as const }
        const unshared = withResources({ ...written, model }, ({ owner, tags }) => ({
          owner,
          tags: Object.fromEntries(Object.entries(tags).filter(([key]) => !/^access-tag:/i.test(key))),
        }))
        const decideAs = deciding(unshared)
        for (const caller of unshared.callers)
          for (const request of unshared.requests) {
            const decision = decideAs(caller, request)
            seen.add(decision.reason)
            if (!decision.allowed) continue
            const names = naiveNames(decision.operation, decision.found.matches[0].parameters)
            const nearest = names.find(({ name }) => unshared.resources[name] !== undefined)
            const owner = nearest === undefined ? undefined : unshared.resources[nearest.name]?.owner
            expect(owner).toBe(names.length === 0 ? undefined : caller.organizationId)
          }
      }),
      { numRuns: Math.ceil(worlds / 2) },
    )
    expect([...seen]).toEqual(expect.arrayContaining(['allowed', 'unknown_resource', 'tag_mismatch']))
  })
})
