// What apps do for people, through the whole server, beside the bare library, in turns within one run. People of both have
// signed in and consented before, so that the authorization endpoint answers with a code at once.
import { apiScope, compareAnswers, identityScope, tokensOf } from './app-answers.ts'
import { type PeopleAt, startBare } from './bare-library.ts'
import { type Place, startNode } from './deployment.ts'
import type { Work } from './load.ts'
import { signInPeople } from './people-at.ts'
import { comparedRow, connections, inTurns, serverCpu, startLoad } from './side-by-side.ts'
import type { Row } from './table.ts'

const refreshRatioMin = 0.5

export async function measurePeople(places: readonly Place[], seconds: number): Promise<readonly Row[]> {
  const load = startLoad()
  const bare = await startBare()
  const rows: Row[] = []
  for (const place of places) {
    const node = await startNode(place, { cpu: serverCpu })
    const ours = await signInPeople(place, node)
    await compareAnswers(ours, bare.people)
    const row = async (what: string, workAt: WorkAt, bareWorkAt = workAt, ratioMin?: number) => {
      const works = { bare: await bareWorkAt(bare.people), ours: await workAt(ours) }
      rows.push(comparedRow(`${what}, ${place.name}`, await inTurns(load, works, seconds), ratioMin))
    }
    await row('code flow, JWT', flows(apiScope))
    await row('code flow, opaque token', flows(identityScope))
    await row('refresh, JWT', refreshes, refreshes, place.name === 'SQLite' ? refreshRatioMin : undefined)
    await row('introspection, opaque token', introspections(identityScope))
    await row(
      'introspection, JWT (the bare library: opaque)',
      introspections(apiScope),
      introspections(identityScope),
    )
    await row('userinfo', userinfos)
    await node.stop()
  }
  bare.stop()
  load.stop()
  return rows
}

type WorkAt = (at: PeopleAt) => Promise<Work>

function flows(scope: string): WorkAt {
  return async ({ app, cookies }) => ({ kind: 'code_flows', app, scope, cookies })
}

const refreshes: WorkAt = async (at) => {
  const tokens = await tokensOfMany(at, apiScope)
  return { kind: 'refreshes', app: at.app, refreshTokens: tokens.map((one) => one.refresh_token) }
}

function introspections(scope: string): WorkAt {
  return async (at) => {
    const { authorization, introspectionEndpoint: url } = at.app
    const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' }
    const requests = (await tokensOfMany(at, scope)).map(({ access_token: token }) => ({
      ...{ headers, body: new URLSearchParams({ token }).toString() },
    }))
    return { kind: 'drawn', url, method: 'POST', requests }
  }
}

const userinfos: WorkAt = async (at) => {
  const requests = (await tokensOfMany(at, identityScope)).map(({ access_token: token }) => ({
    headers: { authorization: `Bearer ${token}` },
  }))
  return { kind: 'drawn', url: at.app.userinfoEndpoint, method: 'GET', requests }
}

/** One answer for each connection, of each person in turn. */
function tokensOfMany(at: PeopleAt, scope: string) {
  return Promise.all(
    Array.from({ length: connections }, (_, i) => tokensOf(at, scope, at.cookies[i % at.cookies.length])),
  )
}
