import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { placesOf } from '../../../src/decisions/authzen/action.ts'
import { evaluateFor } from '../../../src/decisions/authzen/evaluate.ts'
import { wouldAllow } from '../../../src/decisions/authzen/search.ts'
import { ServerDecider } from '../../../src/decisions/server-decider.ts'
import { compileModel } from '../../../src/evaluator/compile-model.ts'
import { type DecisionRequest, decide, unfiltered } from '../../../src/evaluator/decide.ts'
import { findOperations } from '../../../src/evaluator/find-operations.ts'
import { factsOf } from '../../evaluator/clinic-model.ts'
import { type LimitedRequest, type LimitedWorld, limitedWorld } from '../../evaluator/limited-worlds.ts'
import { clinicBundle, makeIssuer, nowMs } from '../../sdk/clinic-issuer.ts'
import { heldBy, sourceOf } from '../../sdk/in-process.ts'

const worlds = Number(process.env['LATCHKEY_TEST_WORLDS'] ?? 100)
const bundle = clinicBundle(await makeIssuer())
const nobody = () => Promise.reject(new Error('nobody is looked up'))

/** The server's decider over a world, with nothing recorded. */
function deciderOf({ model, roles, entitlement, resources }: LimitedWorld): ServerDecider {
  const own = roles.map(({ id, organizationId, ...role }) => [
    id,
    { organization_id: organizationId, ...role },
  ])
  const organization = { state: 'active', entitlement } as const
  const held = {
    ...heldBy({ ...bundle, model }),
    ...{
      organizations: { org_a: organization, org_b: organization },
      roles: Object.fromEntries(own),
      resources,
    },
  }
  const records = { find: nobody, list: nobody, locate: nobody }
  const machine = { clock: () => nowMs, random: (count: number) => randomBytes(count) }
  return new ServerDecider({ records, ...machine }, sourceOf(held), nobody, undefined)
}

/** What a request holds as properties of an action can say it: the parameter that is declared, once, and a JSON object. */
function sayable({ query, body }: LimitedRequest) {
  const [a] = query.filter(([name]) => name === 'a')
  const members = typeof body === 'object' && body !== null && !Array.isArray(body) ? { ...body } : {}
  const isEmpty = Object.keys(members).length === 0
  return {
    properties: { ...members, ...(a && { a: a[1] }) },
    search: a === undefined ? '' : `?a=${a[1]}`,
    body: isEmpty
      ? ({ kind: 'none' } as const)
      : ({ kind: 'value', mediaType: 'application/json', value: members } as const),
  }
}

test('an evaluation comes out as the decision about the request that the action is', async () => {
  const reasons = new Set<string>()
  await fc.assert(
    fc.asyncProperty(limitedWorld, async (one) => {
      const model = compileModel(one.model)
      const facts = factsOf({ org_a: one.entitlement, org_b: one.entitlement }, one.roles, one.resources)
      const decider = deciderOf(one)
      for (const request of one.requests) {
        const found = findOperations(model.paths, request.method, request.path)
        if (found.kind === 'refused') continue
        const [{ indexed, values, parameters }] = found.matches
        const { operation } = indexed
        const template = model.resources.ofOperations[indexed.index]?.ends[0].template.shape ?? operation.path
        const ids = values.slice(0, template.split('{').length - 1)
        const { properties, search, body } = sayable(request)
        const asked = {
          action: { name: operation.id, properties: { ...parameters, ...properties } },
          resource: { type: template, id: ids.map(encodeURIComponent).join('/') },
          context: {},
        }
        const sent: DecisionRequest = { method: operation.method, path: request.path + search, body }
        for (const caller of one.callers) {
          const right = unfiltered(decide(model, facts, caller, sent))
          const subject = { kind: 'caller', caller: { ...caller, clientId: caller.id, claims: {} } } as const
          const { allowed, reason } = await evaluateFor(decider, { subject, ...asked })
          expect({ allowed, reason }).toEqual({ allowed: right.allowed, reason: right.reason })
          const places = placesOf(model, operation.id, template) ?? []
          expect(await wouldAllow(decider, places, { subject, ...asked })).toBe(right.allowed)
          reasons.add(reason)
        }
      }
    }),
    { numRuns: worlds },
  )
  for (const reason of [
    'allowed',
    'condition_false',
    'field_not_allowed',
    'tag_mismatch',
    'unknown_resource',
  ])
    expect(reasons).toContain(reason)
}, 600_000)
