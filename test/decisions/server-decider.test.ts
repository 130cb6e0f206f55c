import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { presentDecision } from '../../src/decisions/api/decide-operation.ts'
import { ServerDecider } from '../../src/decisions/server-decider.ts'
import { machine } from '../evaluator/clinic-model.ts'
import { clinicBundle, makeIssuer, nowMs } from '../sdk/clinic-issuer.ts'
import { heldBy, sourceOf } from '../sdk/in-process.ts'

test('what would be shown in part is allowed to nobody but who says that they filter', async () => {
  const bundle = clinicBundle(await makeIssuer())
  const filter = [{ operations: ['listPatients'], fields: ['name'] }]
  const roles = bundle.model.roles.map((role) => ({ ...role, filter }))
  const none = () => Promise.reject(new Error('nobody is looked up'))
  const records = { find: none, list: none, locate: none }
  const decider = new ServerDecider(
    { records, clock: () => nowMs, random: (count) => randomBytes(count) },
    sourceOf(heldBy({ ...bundle, model: { ...bundle.model, roles } })),
    none,
    undefined,
  )
  const asked = { kind: 'made_up', principal: machine(['patients:read']) } as const
  const decide = async (path: string) => (await decider.decide(asked, { method: 'GET', path })).decision
  expect(await decide('/v1/patients/7')).toMatchObject({ allowed: true })
  expect(await decide('/v1/patients')).toMatchObject({ allowed: false, reason: 'filter_required' })
  const shown = await decider.decide(asked, { method: 'GET', path: '/v1/patients', canFilter: true })
  expect(presentDecision(shown)).toMatchObject({
    allowed: true,
    filter: expect.arrayContaining([{ fields: ['name'] }]),
  })
})
