import { expect, test } from 'vitest'
import { textOf } from '../../src/cli/output.ts'

test.each<[string, unknown, string]>([
  ['tags as they are given', { ward: ['north', 'south'], env: ['dev'] }, 'ward=north, ward=south, env=dev'],
  ['tags of any name', { id: ['7'], name: ['Ada'] }, 'id=7, name=Ada'],
  ['the ids of a path', { patientId: '7' }, 'patientId=7'],
  ['something by its name', { id: 'svc_1', name: 'Clinic' }, 'Clinic'],
  ['something without a name by its id', { id: 'svc_1', name: null }, 'svc_1'],
  ['nothing', {}, '–'],
  ['what holds more', { a: { b: 1 } }, 'a={"b":1}'],
  ['a time', '2030-01-01T12:00:00.000Z', '2030-01-01 12:00:00 UTC'],
])('shows %s', (_, value, text) => {
  expect(textOf(value)).toBe(text)
})
