import { expect, test } from 'vitest'
import { limitsFrom } from '../../src/http/limits.ts'

const one = { requests: 1, windowSeconds: 60 }

test('a flood of new addresses pushes out the longest unseen: what is counted has a bound', () => {
  const { address } = limitsFrom({ address: one, principal: one, organization: one, countedMax: 100 })
  address.take('192.0.2.1')
  for (let i = 0; i < 99; i++) address.take(`10.0.0.${i}`)
  expect(() => address.take('192.0.2.1')).toThrow(expect.objectContaining({ code: 'rate_limited' }))
  for (let i = 0; i < 101; i++) address.take(`10.0.1.${i}`)
  expect(address.take('192.0.2.1')).toBe('"address";r=0;t=60')
})
