// Machine tokens through the whole server, beside the bare library, in turns within one run.
import { readFileSync } from 'node:fs'
import { type BareLibrary, startBare } from './bare-library.ts'
import { importService, type Node, operatorOf, type Place, seedKeys, startNode } from './deployment.ts'
import { largeDocument } from './large-document.ts'
import type { Drawn } from './load.ts'
import { comparedRow, inTurns, serverCpu, startLoad } from './side-by-side.ts'
import type { Row } from './table.ts'

const barRatio = 0.85
const keyCount = 10_000

export async function measureTokens(places: readonly Place[], seconds: number): Promise<readonly Row[]> {
  const load = startLoad()
  const bare = await startBare()
  const rows: Row[] = []
  for (const place of places) {
    const node = await startNode(place, { cpu: serverCpu })
    const idle = residentMegabytes(node.pid)
    const { url, clients } = await prepare(place, node)
    for (const [what, keys, bareClients, ratioMin] of [
      ['one key', 1, 1, barRatio],
      ['10,000 keys at random', keyCount, keyCount, barRatio],
      ['10,000 keys at random (the bare library: its one client)', keyCount, 1, undefined],
    ] as const) {
      const ours = asking(url, clients.slice(0, keys))
      // As many headers where the bare library has one client: drawing one costs the sender the same for both.
      const drawn = ours.requests.map((_, i) => bare.clients[i % bareClients] ?? '')
      await load.drive({ ...ours, eachOnce: true }, seconds)
      const compared = await inTurns(load, { bare: asking(bare.tokenEndpoint, drawn), ours }, seconds)
      rows.push(comparedRow(`machine tokens, ${place.name}, ${what}`, compared, ratioMin))
    }
    rows.push({
      what: `resident memory, ${place.name}: idle; after that load`,
      figure: `${idle} MB; ${residentMegabytes(node.pid)} MB`,
      ...(place.name === 'SQLite' ? { bar: 'idle < 120 MB', met: idle < 120 } : {}),
    })
    await node.stop()
  }
  bare.stop()
  load.stop()
  return rows
}

/** @param clients `id:secret` of each */
function asking(url: string, clients: BareLibrary['clients']): Drawn {
  const requests = clients.map((client) => ({
    headers: {
      authorization: `Basic ${Buffer.from(client).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'grant_type=client_credentials',
  }))
  return { kind: 'drawn', url, method: 'POST', requests }
}

async function prepare(place: Place, node: Node) {
  const operator = await operatorOf(place, node)
  const document = JSON.parse(largeDocument(undefined).text) as object
  const roles = { reader: { description: 'Reads', grantable: true, allow: [{ operations: ['getThing0'] }] } }
  const { id } = await importService(
    operator,
    'bench',
    JSON.stringify({ ...document, 'x-latchkey-roles': roles }),
  )
  const { organizationId } = operator
  const clients = await seedKeys(place, { organizationId, serviceId: id, role: 'reader' }, keyCount)
  return { url: `${node.origin}/bench/oauth/token`, clients }
}

/** Of one process, from `/proc`; NaN where there is none. */
function residentMegabytes(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Math.round(Number(kilobytes) / 1024)
  } catch {
    return Number.NaN
  }
}
