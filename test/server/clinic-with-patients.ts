import type { Config } from '../../src/config.ts'
import { type Key, type Reply, send, tokenOf } from './client.ts'
import { type Deployment, startDeployment } from './deployment.ts'

/** A deployment with a clinic whose patients Latchkey knows: who is not told of is nobody's. */
export interface ClinicWithPatients {
  readonly deployment: Deployment
  readonly guardKey: Key
  readonly guardToken: string
  /** Two organizations that use the clinic's API. */
  readonly ours: string
  readonly theirs: string
  /** Of ours, with the role `patients:read`. */
  readonly reader: Key
  /** Asks what a guard may ask about resources, as `/clinic/resources…`. */
  resources(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>
  /** Tells of resources. Throws for what is refused. */
  tell(...told: readonly object[]): Promise<void>
}

export async function startClinicWithPatients(more: Partial<Config> = {}): Promise<ClinicWithPatients> {
  const deployment = await startDeployment(more)
  const { operator, address } = deployment
  await operator.importClinic()
  await operator.do('PATCH', `/organizations/${operator.organizationId}/services/clinic`, {
    resources: 'latchkey',
  })
  const [ours, theirs] = [await operator.makeOrganization(), await operator.makeOrganization()]
  const reader = await operator.makeKey(ours, { role: 'patients:read' })
  const guardKey = await operator.makeGuardKey()
  const guardToken = await tokenOf(address, guardKey)
  const resources: ClinicWithPatients['resources'] = (method, path, body, headers = {}) =>
    send(address, method, `/clinic/resources${path}`, { token: guardToken, body, headers })
  const tell = async (...told: readonly object[]) => {
    for (const one of told) {
      const { status, text } = await resources('POST', '', one)
      if (status !== 200) throw new Error(`the resource was not taken: ${text}`)
    }
  }
  return { deployment, guardKey, guardToken, ours, theirs, reader, resources, tell }
}
