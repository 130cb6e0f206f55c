import { expect, test } from 'vitest'
import { changeText } from '../../src/decisions/api/change-text.ts'

test.each([
  ['/patients/{p1}', 'tag the resource /patients/p1 ward=north'],
  ['/patients/{a%7Bb}/visits/{3}', 'tag the resource /patients/a%7Bb/visits/3 ward=north'],
  ['{eu%20west}/clusters/{c1}', 'tag the resource /clusters/c1 of eu west ward=north'],
])('a change calls the resource %s by its path', (resource, text) => {
  expect(changeText([{ kind: 'tag_resource', resource, key: 'ward', value: 'north' }], undefined)).toBe(text)
})
