import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { presentDecision } from '../../src/decisions/api/decide-operation.ts'
import type { AskedToken } from '../../src/decisions/asked-subject.ts'
import { ServerDecider } from '../../src/decisions/server-decider.ts'
import type { GuardSource } from '../../src/sdk/guard-source.ts'
import { machine } from '../evaluator/clinic-model.ts'
import { clinicBundle, makeIssuer, nowMs } from '../sdk/clinic-issuer.ts'
import { heldBy, sourceOf } from '../sdk/in-process.ts'

/** Over what a guard knows, with nobody to look up. */
function deciderOver(source: GuardSource): ServerDecider {
  const none = () => Promise.reject(new Error('nobody is looked up'))
  const records = { find: none, list: none, locate: none }
  const machine = { clock: () => nowMs, random: (count: number) => randomBytes(count) }
  return new ServerDecider({ records, ...machine }, source, none, undefined)
}

test('a token is whose it says only where nothing more is to be proven, or whoever asks has seen the proof', async () => {
  const issuer = await makeIssuer()
  const decider = deciderOver(sourceOf(heldBy(clinicBundle(issuer))))
  const by = async (claims: Record<string, unknown>, more: Partial<AskedToken> = {}) => {
    const token = await issuer.sign({ roles: ['patients:read'], ...claims })
    const { decision } = await decider.decide(
      { kind: 'token', token, ...more },
      { method: 'GET', path: '/v1/patients' },
    )
    return decision.reason
  }
  const bound = { cnf: { jkt: 'k'.repeat(43) } }
  expect(await by(bound)).toBe('invalid_token')
  expect(await by(bound, { proofChecked: false })).toBe('invalid_token')
  expect(await by(bound, { proofChecked: true })).toBe('allowed')
  expect(await by({ cnf: { 'x5t#S256': 'k' } }, { proofChecked: true })).toBe('invalid_token')
  const home = { cidrs: ['192.0.2.0/24'] }
  expect(await by(home)).toBe('invalid_token')
  expect(await by(home, { address: '198.51.100.1' })).toBe('invalid_token')
  expect(await by(home, { address: '192.0.2.7' })).toBe('allowed')
})

test('a document that is replaced meanwhile is not decided by in part', async () => {
  const issuer = await makeIssuer()
  const held = heldBy(clinicBundle(issuer))
  const { model } = held.bundle
  const source = sourceOf(held)
  const before = await source.bundle()
  held.bundle = { ...held.bundle, model: { ...model, operations: model.operations.toReversed() } }
  const after = await source.bundle()
  const token = await issuer.sign({ roles: ['patients:read'] })
  for (const { method, path } of model.operations) {
    let asked = 0
    const decider = deciderOver({ ...source, bundle: async () => (asked++ === 0 ? before : after) })
    const url = `/v1${path.replaceAll(/\{[^}]*\}/g, '7')}`
    const { decision, match } = await decider.decide({ kind: 'token', token }, { method, path: url })
    const isOpen =
      decision.reason === 'public' ||
      ['listPatients', 'getPatient'].includes(match?.indexed.operation.id ?? '')
    expect([method, path, decision.allowed]).toEqual([method, path, isOpen])
  }
})

test('what would be shown in part is allowed to nobody but who says that they filter', async () => {
  const bundle = clinicBundle(await makeIssuer())
  const filter = [{ operations: ['listPatients'], fields: ['name'] }]
  const roles = bundle.model.roles.map((role) => ({ ...role, filter }))
  const decider = deciderOver(sourceOf(heldBy({ ...bundle, model: { ...bundle.model, roles } })))
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
