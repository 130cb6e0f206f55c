import { describe, expect, test } from 'vitest'
import { compileTags, sharedTags } from '../../../src/evaluator/where/tag-set.ts'

describe('tags', () => {
  test('are one where their keys, and once where their values, differ only in letter case', () => {
    const tags = compileTags({ Env: ['Dev', 'DEV'], ENV: ['prod', 'dev'], TEAM: ['Core'] })
    expect([...tags]).toEqual([
      ['env', ['dev', 'prod']],
      ['team', ['core']],
    ])
  })

  test('of the same writing are one set for all who have them', () => {
    const tags = sharedTags({ Env: ['Dev'] })
    expect(sharedTags({ Env: ['Dev'] })).toBe(tags)
    expect([...tags]).toEqual([...compileTags({ Env: ['Dev'] })])
    expect([...sharedTags({ Env: ['Dev', 'prod'] })]).toEqual([['env', ['dev', 'prod']]])
  })

  test('without a value are absent', () => {
    expect([...compileTags({ env: [], ENV: [] })]).toEqual([])
  })

  test('may have any key, those that objects have by birth included', () => {
    const tags = compileTags(JSON.parse('{ "__proto__": ["a"], "constructor": ["b"] }'))
    expect([tags.get('__proto__'), tags.get('constructor'), tags.get('tostring')]).toEqual([
      ['a'],
      ['b'],
      undefined,
    ])
  })
})
