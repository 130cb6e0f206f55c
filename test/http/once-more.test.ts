import { expect, test } from 'vitest'
import { DomainError, type ErrorCode } from '../../src/errors.ts'
import { onceMore } from '../../src/http/once-more.ts'

/** Fails that many times. */
function losing(times: number, code: ErrorCode = 'conflict') {
  let tries = 0
  const work = async () => {
    if (++tries <= times) throw new DomainError(code, 'lost')
    return 'done'
  }
  return { work, tries: () => tries }
}

test('a lost race is run once more, and not a third time', async () => {
  await expect(onceMore(undefined, losing(1).work)).resolves.toBe('done')
  const twice = losing(2)
  await expect(onceMore(undefined, twice.work)).rejects.toMatchObject({ code: 'conflict' })
  expect(twice.tries()).toBe(2)
})

test('with a version that was asked for, it is lost for good', async () => {
  const one = losing(1)
  await expect(onceMore(3, one.work)).rejects.toMatchObject({ code: 'precondition_failed' })
  expect(one.tries()).toBe(1)
})

test('what is no race is not run again', async () => {
  const one = losing(1, 'already_exists')
  await expect(onceMore(undefined, one.work)).rejects.toMatchObject({ code: 'already_exists' })
  expect(one.tries()).toBe(1)
})
