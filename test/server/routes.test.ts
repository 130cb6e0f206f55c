import { afterAll, expect, test } from 'vitest'
import { startDeployment } from './deployment.ts'

const deployment = await startDeployment()
afterAll(() => deployment.stop())

test('x', async () => {
  const { operator } = deployment
  await operator.importClinic()
  const org = await operator.makeOrganization()
  const key = await operator.makeKey(org, { role: 'patients:read' })
  const guard = await operator.guard(await operator.makeGuardKey())
  console.log(key, guard.state(), deployment.lines)
  guard.close()
  expect(1).toBe(1)
})
