import { Resolver } from 'node:dns/promises'
import { expect, test } from 'vitest'
import { startNameServer } from '../../examples/clinic/demo/name-server.ts'

test('the demo’s name server answers with what was published, and with nothing else', async () => {
  const server = await startNameServer()
  const resolver = new Resolver({ timeout: 1_000, tries: 1 })
  resolver.setServers([server.address])
  server.publish('_latchkey.harbour-street.example', 'the proof')
  expect(await resolver.resolveTxt('_latchkey.harbour-street.example')).toEqual([['the proof']])
  await expect(resolver.resolveTxt('harbour-street.example')).rejects.toThrow('ENODATA')
  server.close()
})
