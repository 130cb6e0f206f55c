import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { decide } from '../../src/evaluator/decide.ts'
import { Holding } from '../../src/evaluator/holding.ts'
import type { Limits } from '../../src/evaluator/limits.ts'
import type { Caller, OrganizationRole, ServiceModel } from '../../src/evaluator/model.ts'
import { filterJson, type ResponseFilter } from '../../src/evaluator/response/response-filter.ts'
import { factsOf, machine, operation, person, role } from './clinic-model.ts'
import { decisionRequest, type LimitedWorld, limitedWorld } from './limited-worlds.ts'

const worlds = Number(process.env['LATCHKEY_TEST_WORLDS'] ?? 60)

/** All limits that a statement of the world has, and none; each with a filter of the world, or without. */
function limitsOf({ model, roles }: LimitedWorld): readonly Limits[] {
  const all = [...model.roles, ...roles]
  const statements = all.flatMap(({ allow }) => allow.map(({ operations: _operations, ...limits }) => limits))
  const filters = all.flatMap(({ filter = [] }) =>
    filter.map(({ operations: _operations, ...shown }) => shown),
  )
  const texts = [{}, ...statements].flatMap((limits) =>
    [limits, ...filters.map((filter) => ({ ...limits, filter }))].map((one) => JSON.stringify(one)),
  )
  return [...new Set(texts)].map((text) => JSON.parse(text))
}

const response = { a: 1, b: { a: 2, d: [{ a: 3 }, { c: 4 }] }, c: { d: { e: 5 }, a: 6 }, d: 7, name: 8 }

/** What is to be seen of the response: values, or masks, by their places. */
function seen(filter: ResponseFilter | undefined): ReadonlyMap<string, 'value' | 'mask'> {
  const places = new Map<string, 'value' | 'mask'>()
  const visit = (value: unknown, place: string): void => {
    if (typeof value !== 'object' || value === null)
      places.set(place, typeof value === 'number' ? 'value' : 'mask')
    else
      for (const [name, member] of Object.entries(value))
        visit(member, Array.isArray(value) ? `${place}.` : `${place}.${name}`)
  }
  visit(filter === undefined ? response : filterJson(filter, response), '')
  return places
}

test('what a caller is said to hold, nobody who is given it does, nor sees, where the caller may not', () => {
  const count = { held: 0, allowed: 0, filtered: 0 }
  fc.assert(
    fc.property(limitedWorld, (one) => {
      const everything = role(
        'everything',
        one.model.operations.map(({ id }) => id),
      )
      const model: ServiceModel = { ...one.model, roles: [...one.model.roles, everything] }
      const compiled = compileModel(model)
      const entitlements = { org_a: one.entitlement, org_b: one.entitlement }
      const factsWith = (more: readonly OrganizationRole[]) =>
        factsOf(entitlements, [...one.roles, ...more], one.resources)
      const facts = factsWith([])
      const requests = one.requests.map(decisionRequest)
      for (const caller of one.callers) {
        const holding = new Holding(compiled, facts, caller)
        for (const { id } of one.model.operations)
          for (const limits of limitsOf(one)) {
            if (!holding.holds(id, limits)) continue
            count.held++
            const gift = giftOf(caller, id, limits)
            const receiver: Caller = { ...caller, roles: [gift.id], scope: ['everything'] }
            const given = factsWith([gift])
            for (const request of requests) {
              const received = decide(compiled, given, receiver, request)
              if (!received.allowed) continue
              count.allowed++
              const own = decide(compiled, facts, caller, request)
              if (!own.allowed)
                expect({ own, caller, request, gift }).toMatchObject({ own: { allowed: true } })
              if (!own.allowed || own.filter === undefined) continue
              count.filtered++
              expectWithin(seen(received.filter), seen(own.filter))
            }
          }
      }
    }),
    { numRuns: worlds },
  )
  for (const many of Object.values(count)) expect(many).toBeGreaterThan(worlds / 4)
}, 600_000)

function giftOf({ organizationId }: Caller, id: string, { filter, ...limits }: Limits): OrganizationRole {
  const shown = filter === undefined ? {} : { filter: [{ operations: [id], ...filter }] }
  return { id: 'rol_gift', organizationId, allow: [{ operations: [id], ...limits }], ...shown }
}

/** Whoever sees a value sees what a mask would hide. */
function expectWithin(theirs: ReturnType<typeof seen>, mine: ReturnType<typeof seen>): void {
  for (const [place, what] of theirs)
    if (what === 'value') expect([place, mine.get(place)]).toEqual([place, 'value'])
    else expect([...mine.keys()]).toContain(place)
}

test('a service-defined role named like those of organizations is held no more than it is decided by', () => {
  const named = role('rol_x', ['a'])
  const compiled = compileModel({ basePaths: [], operations: [operation('a', 'GET /a')], roles: [named] })
  const facts = factsOf({ org_a: ['rol_x'] })
  const caller = machine(['rol_x'])
  expect(decide(compiled, facts, caller, { method: 'GET', path: '/a' }).allowed).toBe(false)
  expect(new Holding(compiled, facts, caller).holds('a', {})).toBe(false)
})

test('a person whom no app acts for holds what their roles allow', () => {
  const compiled = compileModel({
    basePaths: [],
    operations: [operation('a', 'GET /a')],
    roles: [role('r', ['a'])],
  })
  const facts = factsOf({ org_a: ['r'] })
  const holds = (caller: Caller) => new Holding(compiled, facts, caller).holds('a', {})
  expect([holds(person(['r'])), holds({ ...person(['r']), inPerson: true })]).toEqual([false, true])
})
