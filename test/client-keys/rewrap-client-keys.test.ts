import { expect, test } from 'vitest'
import { getClientKey } from '../../src/client-keys/client-key.ts'
import { createClientKey } from '../../src/client-keys/create-client-key.ts'
import { rewrapClientKeys } from '../../src/client-keys/rewrap-client-keys.ts'
import { secretVerifier } from '../../src/client-keys/verify-secret.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { granter, noonMs, openDeployment } from '../organizations/deployment.ts'

test('a deployment secret is rotated without a single owner of a key', async () => {
  const at = await openDeployment()
  const random = at.deps.random
  const [older, newer] = [0, 1].map(() => Buffer.from(random(32)).toString('base64url')) as [string, string]
  const before = deploymentSecrets([older], random)
  const both = deploymentSecrets([newer, older], random)
  const create = (secrets: typeof before) =>
    createClientKey({ ...at.deps, secrets }, at.by, granter, at.customer.id, {
      ...{ service: 'clinic', name: 'Export', role: 'patients:read', environment: 'live', cidrs: [] },
    })
  const issued = await Promise.all(Array.from({ length: 130 }, () => create(before)))
  issued.push(await create(both))
  const [, olderId = ''] = both.ids
  const keys = rewrapClientKeys({ records: at.deps.records, commit: at.store.commit, secrets: both })
  expect(await keys.count(olderId, 1_000)).toBe(130)
  expect(await keys.rewrap(olderId, 110)).toBe(110)
  expect(await keys.rewrap(olderId, 110)).toBe(20)
  expect(await keys.count(olderId, 1_000)).toBe(0)
  const verify = secretVerifier(deploymentSecrets([newer], random))
  for (const { key, secret } of issued) {
    const now = await getClientKey(at.deps.records, at.customer.id, key.id)
    expect(verify(now, secret?.reveal() ?? '', noonMs)).toBe('live')
    expect(now.authority).toBe(key.authority)
  }
  await at.store.close()
})
