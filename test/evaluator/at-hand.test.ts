import { expect, test } from 'vitest'
import { AtHand } from '../../src/evaluator/at-hand.ts'

test('what is asked for again and again is made once, however much else is asked for', () => {
  const atHand = new AtHand<object>(100)
  const made: string[] = []
  const of = (text: string) => {
    return atHand.of(text, (one) => {
      made.push(one)
      return { one }
    })
  }
  const often = of('often')
  for (let i = 0; i < 1_000; i++) {
    of(`once ${i}`)
    expect(of('often')).toBe(often)
  }
  expect(made.filter((one) => one === 'often')).toEqual(['often'])
})

test('what was not asked for lately is forgotten', () => {
  const atHand = new AtHand<object>(100)
  const first = atHand.of('first', () => ({}))
  for (let i = 0; i < 100; i++) atHand.of(`once ${i}`, () => ({}))
  expect(atHand.of('first', () => ({}))).not.toBe(first)
})

test('a text longer than all that is kept is kept alone', () => {
  const atHand = new AtHand<object>(10)
  const long = atHand.of('x'.repeat(100), () => ({}))
  expect(atHand.of('x'.repeat(100), () => ({}))).toBe(long)
})
