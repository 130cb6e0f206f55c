import { describe, expect, test } from 'vitest'
import { cases, reasonFor } from './policy-examples.ts'

describe.each(cases)('$name', (one) => {
  test.each(one.requests.map((request) => ({ request, shown: JSON.stringify(request) })))(
    '$shown',
    ({ request }) => {
      expect(reasonFor(one, one.allow, request)).toBe(request[1])
    },
  )
})
