import { expect, test } from 'vitest'
import { serviceBundleOf } from '../../src/decisions/bundle.ts'
import { clinicModel, openDeployment } from '../organizations/deployment.ts'

test('a guard is told nothing of what responses hold: only who saves a filter asks', async () => {
  const { clinic, store } = await openDeployment()
  await store.close()
  const objects = [{ members: { only_in_responses: [] } }]
  const service = { ...clinic, responses: { objects, operations: { getPatient: [0] } } }
  const told = serviceBundleOf(service, 'https://latchkey.example')
  expect(told.model).toEqual(clinicModel)
  expect(JSON.stringify(told)).not.toContain('only_in_responses')
})
