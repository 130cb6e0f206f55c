// Two organizations: the clinic's practice, which lets a role be taken, and a lab, whose principals take it.
import { decodeJwt } from 'jose'
import type { ClientKey } from '../../src/client-keys/client-key.ts'
import { type Assumption, assumptions } from '../../src/roles/assumption.ts'
import { askToken, basic, clock, type IssuedKey, newId, postToken, startWorld, tokenOf } from './fixture.ts'

export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

type Parameters = Readonly<Record<string, string | undefined>>

export async function startExchanging() {
  const world = await startWorld({ trustedProxies: 1 })
  const lab = await world.addOrganization({ name: 'Lab', authority: 4 })
  const addLabKey = (more: Partial<ClientKey> = {}) =>
    world.addKey({ organizationId: lab.id, name: 'results', role: 'nurse', authority: 2, ...more })
  const labKey = await addLabKey()
  const addAssumption = (more: Partial<Assumption> = {}) =>
    world.add<Assumption>(assumptions, {
      ...{ id: newId('asm'), organizationId: world.organization.id, version: 1, serviceId: world.service.id },
      ...{ name: newId('asm'), description: '', role: 'patients:read', assumingOrganizationId: lab.id },
      ...{ principals: [], tags: {}, lifeSecondsMax: 600, authority: 9 },
      ...{ createdBy: 'key_0', createdAt: clock(), changedAt: clock(), ...more },
    })
  const ownToken = async (of = labKey, parameters: Record<string, string> = {}) =>
    (await tokenOf(await askToken(world, of, parameters))).access_token
  /** Exchanges; what is `undefined` is left out. */
  const exchange = (
    assumption: Pick<Assumption, 'id'>,
    subjectToken: string,
    more: Parameters = {},
    by: IssuedKey = labKey,
    headers: Record<string, string> = {},
  ) => {
    const all = {
      ...{ grant_type: tokenExchange, subject_token: subjectToken, subject_token_type: accessTokenType },
      ...{ assumption: assumption.id, ...more },
    }
    const given = Object.entries(all).filter((one): one is [string, string] => one[1] !== undefined)
    return postToken(world, Object.fromEntries(given), { ...basic(by), ...headers })
  }
  const introspect = async (token: string, by = labKey): Promise<unknown> => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', ...basic(by) }
    const body = new URLSearchParams({ token }).toString()
    return (await fetch(`${world.issuer}/oauth/introspect`, { method: 'POST', headers, body })).json()
  }
  return { ...world, world, lab, labKey, addLabKey, addAssumption, ownToken, exchange, introspect }
}

export type Exchanging = Awaited<ReturnType<typeof startExchanging>>

export async function claimsOf(response: Response) {
  return decodeJwt((await tokenOf(response)).access_token)
}

/** Status, error and description: all that whoever is refused is told. */
export async function toldIn(response: Response): Promise<string> {
  return `${response.status} ${await response.text()}`
}
