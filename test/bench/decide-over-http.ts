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
  const load = startLoad()
  const rows: Row[] = []
  for (const { what, path, body, decisions } of asked(token)) {
    const headers = { authorization, 'content-type': 'application/json' }
    const url = `${node.origin}/clinic${path}`
    await checkAllowed(url, headers, body, decisions)
    const requests = [{ headers, body: JSON.stringify(body) }]
    const work = { kind: 'drawn', url, method: 'POST', requests } as const
    await load.drive(work, seconds)
    const { perSecond, p99Ms, errors } = await load.drive(work, seconds)
    rows.push({
      what: `${what}, ${place.name}, ${connections} connections, ${decisions === 1 ? 'one decision' : `${decisions} decisions`} a request`,
      figure: `${Math.round(perSecond * decisions)} decisions/s, p99 ${p99Ms} ms, errors ${errors}`,
      bar: 'errors 0',
      met: errors === 0,
    })
  }
  load.stop()
  await node.stop()
  return rows
}

interface Asked {
  readonly what: string
  readonly path: string
  readonly body: object
  readonly decisions: number
}

/** One question in two languages, each one by one and many at once. */
function asked(token: string): readonly Asked[] {
  const request = { method: 'GET', path: '/patients/pat-1' }
  const subject = { type: 'access_token', id: token }
  const evaluation = { action: { name: 'getPatient' }, resource: { type: 'patient', id: 'pat-1' } }
  const several = <T>(one: T) => Array.from({ length: atOnce }, () => one)
  const decide = { what: 'decide over HTTP', path: '/decide' }
  const authzen = { what: 'AuthZEN evaluation', path: '/access/v1/evaluation' }
  const evaluations = { what: 'AuthZEN evaluations', path: '/access/v1/evaluations' }
  return [
    { ...decide, body: { token, request }, decisions: 1 },
    { ...decide, body: { token, requests: several({ request }) }, decisions: atOnce },
    { ...authzen, body: { subject, ...evaluation }, decisions: 1 },
    { ...evaluations, body: { subject, evaluations: several(evaluation) }, decisions: atOnce },
  ]
}

/** @throws {Error} unless every answer allows: what is refused early would look fast */
async function checkAllowed(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: object,
  decisions: number,
): Promise<void> {
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const answer = await response.text()
  // `decide` says it in one member, AuthZEN in another.
  if (answer.split(/"(?:allowed|decision)":\s*true\b/).length - 1 !== decisions)
    throw new Error(`${url} answered ${response.status}: ${answer}`)
}

function pair(client: string): [string, string] {
  const [id = '', secret = ''] = client.split(':')
  return [id, secret]
}
