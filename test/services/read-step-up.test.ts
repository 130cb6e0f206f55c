import { describe, expect, test } from 'vitest'
import { DomainError } from '../../src/errors.ts'
import { changesBetween, needsConfirmation } from '../../src/services/document-changes.ts'
import { readDocument } from '../../src/services/read-document.ts'
import { shopDocument } from './deployment.ts'

const ofOperation = (stepUp: unknown) =>
  readDocument(
    shopDocument((doc) => {
      doc.paths['/orders'].get['x-latchkey-step-up'] = stepUp
    }),
  )
const listOrders = async (stepUp: unknown) =>
  (await ofOperation(stepUp)).model.operations.find(({ id }) => id === 'listOrders')
const faultOf = async (stepUp: unknown) => {
  const error = await ofOperation(stepUp).catch((e: unknown) => e)
  return error instanceof DomainError ? error.faults : error
}

describe('x-latchkey-step-up (RFC 9470)', () => {
  test('is kept with the operation', async () => {
    expect(await listOrders({ max_age: 300, acr_values: ['mfa'] })).toMatchObject({
      stepUp: { maxAgeSeconds: 300, acrValues: ['mfa'] },
    })
    expect(await listOrders({ acr_values: ['mfa'] })).toMatchObject({ stepUp: { acrValues: ['mfa'] } })
    expect(await listOrders(undefined)).not.toHaveProperty('stepUp')
  })

  test('stands for a whole path, unless an operation has its own', async () => {
    const { model } = await readDocument(
      shopDocument((doc) => {
        doc.paths['/orders']['x-latchkey-step-up'] = { max_age: 60 }
        doc.paths['/orders'].post['x-latchkey-step-up'] = { max_age: 5 }
      }),
    )
    const ages = model.operations.map(({ method, path, stepUp }) => [method, path, stepUp?.maxAgeSeconds])
    expect(ages).toEqual(
      expect.arrayContaining([
        ['GET', '/orders', 60],
        ['POST', '/orders', 5],
      ]),
    )
  })

  test.each([
    ['nothing', {}, ''],
    ['a text', 'mfa', ''],
    ['another name', { maxAge: 5, max_age: 5 }, '/maxAge'],
    ['no number', { max_age: '300' }, '/max_age'],
    ['half a second', { max_age: 0.5 }, '/max_age'],
    ['no time at all, which no sign-in could meet', { max_age: 0 }, '/max_age'],
    ['an empty list', { acr_values: [] }, '/acr_values'],
    ['a text for a list', { acr_values: 'mfa' }, '/acr_values'],
    ['a name with a space', { acr_values: ['mfa phr'] }, '/acr_values'],
    ['a name with a quote', { acr_values: ['mfa"'] }, '/acr_values'],
  ])('that says %s is refused at its place', async (_name, stepUp, place) => {
    expect(await faultOf(stepUp)).toEqual([
      expect.objectContaining({ pointer: `/paths/~1orders/get/x-latchkey-step-up${place}` }),
    ])
  })

  test.each([
    [{ max_age: 300 }, { max_age: 301 }, true],
    [{ max_age: 300 }, undefined, true],
    [{ max_age: 300 }, { max_age: 300 }, false],
    [{ max_age: 300 }, { max_age: 60, acr_values: ['a'] }, false],
    [{ acr_values: ['a'] }, { acr_values: ['a', 'b'] }, true],
    [{ acr_values: ['a'] }, { max_age: 60 }, true],
    [{ acr_values: ['a', 'b'] }, { acr_values: ['b'] }, false],
    [undefined, { max_age: 300 }, false],
  ])('from %o to %o needs a confirmation: %s', async (before, after, weaker) => {
    const changes = changesBetween(await ofOperation(before), await ofOperation(after))
    expect(changes.stepUpWeakened).toEqual(weaker ? ['listOrders'] : [])
    expect(needsConfirmation(changes)).toBe(weaker)
  })
})
