// `POST /{service}/decide`, for what cannot hold a guard: one decision a request, and a hundred at once.
import { readFileSync } from 'node:fs'
import { importService, operatorOf, type Place, seedKeys, startNode, tokenFor } from './deployment.ts'
import { guardKey } from './guard-process.ts'
import { connections, serverCpu, startLoad } from './side-by-side.ts'
import type { Row } from './table.ts'

const clinic = new URL('../../examples/clinic/openapi.yaml', import.meta.url)
const atOnce = 100

export async function measureDecideOverHttp(place: Place, seconds: number): Promise<readonly Row[]> {
  const node = await startNode(place, { cpu: serverCpu })
  const operator = await operatorOf(place, node)
  const { id: serviceId } = await importService(operator, 'clinic', readFileSync(clinic, 'utf8'))
  const { id, secret } = await guardKey(operator, 'clinic')
  const authorization = `Bearer ${await tokenFor(`${node.origin}/latchkey`, id, secret)}`
  const { organizationId } = operator
  const [reader = ''] = await seedKeys(place, { organizationId, serviceId, role: 'patients:read' }, 1)
  const token = await tokenFor(`${node.origin}/clinic`, ...pair(reader))
  const request = { method: 'GET', path: '/patients/pat-1' }
  const load = startLoad()
  const rows: Row[] = []
  for (const [what, body, decisions] of [
    ['one decision a request', { token, request }, 1],
    [
      `${atOnce} decisions a request`,
      { token, requests: Array.from({ length: atOnce }, () => ({ request })) },
      atOnce,
    ],
  ] as const) {
    const headers = { authorization, 'content-type': 'application/json' }
    const requests = [{ headers, body: JSON.stringify(body) }]
    const work = { kind: 'drawn', url: `${node.origin}/clinic/decide`, method: 'POST', requests } as const
    await load.drive(work, seconds)
    const { perSecond, p99Ms, errors } = await load.drive(work, seconds)
    rows.push({
      what: `decide over HTTP, ${place.name}, ${connections} connections, ${what}`,
      figure: `${Math.round(perSecond * decisions)} decisions/s, p99 ${p99Ms} ms, errors ${errors}`,
      bar: 'errors 0',
      met: errors === 0,
    })
  }
  load.stop()
  await node.stop()
  return rows
}

function pair(client: string): [string, string] {
  const [id = '', secret = ''] = client.split(':')
  return [id, secret]
}
