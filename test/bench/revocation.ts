// A key revoked at one node: how long until another node gives it no token, and a guard that follows that node refuses
// the tokens that it has.
import { setTimeout as pause } from 'node:timers/promises'
import { createGuard } from '../../src/sdk/index.ts'
import { importService, operatorOf, type Place, seedKeys, startNode, tokenFor } from './deployment.ts'
import { largeDocument } from './large-document.ts'
import { quantile, type Row } from './table.ts'

const rounds = 60
const hopelessMs = 5_000

export async function measureRevocation(place: Place): Promise<readonly Row[]> {
  const one = await startNode(place)
  const other = await startNode(place, { origin: one.origin })
  const operator = await operatorOf(place, one)
  const document = JSON.parse(largeDocument(undefined).text) as object
  const roles = { reader: { description: 'Reads', grantable: true, allow: [{ operations: ['getThing0'] }] } }
  const text = JSON.stringify({ ...document, 'x-latchkey-roles': roles })
  const { id: serviceId } = await importService(operator, 'bench', text)
  const { organizationId } = operator
  const keys = await seedKeys(place, { organizationId, serviceId, role: 'reader' }, rounds)
  const guardKey = await operator.call('POST', `/organizations/${organizationId}/keys`, {
    service: 'latchkey',
    name: 'guard of the bench',
    role: 'guard',
    guards_service: 'bench',
  })
  const guard = createGuard({
    latchkey: other.listensAt,
    service: 'bench',
    key: String(guardKey['client_secret']),
    issuer: `${one.origin}/bench`,
  })
  await guard.ready()

  const atNode: number[] = []
  const atGuard: number[] = []
  for (const client of keys) {
    const [keyId = '', secret = ''] = client.split(':')
    const token = await tokenFor(`${other.listensAt}/bench`, keyId, secret)
    const isAllowed = async () =>
      (await guard.check({ method: 'GET', url: '/orgs/acme/things-0', authorization: `Bearer ${token}` }))
        .allowed
    if (!(await isAllowed())) throw new Error('the guard refuses a key that nobody has revoked')
    await operator.call('POST', `/organizations/${organizationId}/keys/${keyId}/revoke`, {})
    const answeredAt = performance.now()
    const [node, following] = await Promise.all([
      until(answeredAt, async () => !(await givesToken(`${other.listensAt}/bench`, keyId, secret))),
      until(answeredAt, async () => !(await isAllowed())),
    ])
    atNode.push(node)
    atGuard.push(following)
  }
  await guard.close()
  await Promise.all([one.stop(), other.stop()])
  const rowOf = (where: string, samples: readonly number[]): Row => ({
    what: `revoked at one node, refused ${where}, ${place.name}`,
    figure: `p50 ${quantile(samples, 0.5).toFixed(0)} ms, p99 ${quantile(samples, 0.99).toFixed(0)} ms (${rounds} keys)`,
    bar: 'p99 < 1,000 ms',
    met: quantile(samples, 0.99) < 1_000,
  })
  return [rowOf('at another', atNode), rowOf('by a guard that follows the other', atGuard)]
}

async function until(sinceMs: number, isSo: () => Promise<boolean>): Promise<number> {
  while (!(await isSo())) {
    if (performance.now() - sinceMs > hopelessMs) throw new Error(`not refused after ${hopelessMs} ms`)
    await pause(1)
  }
  return performance.now() - sinceMs
}

async function givesToken(issuer: string, clientId: string, secret: string): Promise<boolean> {
  return tokenFor(issuer, clientId, secret).then(
    () => true,
    () => false,
  )
}
