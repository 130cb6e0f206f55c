import type { Fault } from '../errors.ts'
import type { StepUp } from '../evaluator/model.ts'
import { jsonPointer } from '../json-text.ts'
import { entries, isObject, items, member } from './json-value.ts'

export const stepUpKey = 'x-latchkey-step-up'
const members = ['max_age', 'acr_values']
const maxAgeSecondsMax = 31_536_000
const acrValuesMax = 20
/** It stands in a header, parted by spaces (RFC 9470 §3). */
const acrPattern = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/

interface Read {
  readonly stepUp?: StepUp
  readonly faults: readonly Fault[]
}

/** `{ max_age, acr_values }`: how lately and how well a person must have signed in (RFC 9470). */
export function readStepUp(value: unknown, place: string): Read {
  if (value === undefined) return { faults: [] }
  const at = place + jsonPointer(stepUpKey)
  const wrong = (detail: string, name?: string): Fault => ({
    pointer: name === undefined ? at : at + jsonPointer(name),
    detail,
  })
  const unknown = entries(value).filter(([name]) => !members.includes(name))
  const maxAge = member(value, 'max_age')
  const acrValues = member(value, 'acr_values')
  const acrs = items(acrValues).filter(
    (one): one is string => typeof one === 'string' && acrPattern.test(one),
  )
  const isAge =
    typeof maxAge === 'number' && Number.isInteger(maxAge) && maxAge >= 1 && maxAge <= maxAgeSecondsMax
  const isList = acrs.length === items(acrValues).length && acrs.length >= 1 && acrs.length <= acrValuesMax
  const faults = [
    ...(isObject(value) && (maxAge ?? acrValues) !== undefined
      ? []
      : [wrong(`${stepUpKey} is an object with max_age, acr_values or both`)]),
    ...unknown.map(([name]) => wrong(`${stepUpKey} has no ${name}`, name)),
    ...(maxAge === undefined || isAge
      ? []
      : [wrong(`max_age is whole seconds, from 1 to ${maxAgeSecondsMax}`, 'max_age')]),
    ...(acrValues === undefined || isList
      ? []
      : [wrong(`acr_values is a list of 1 to ${acrValuesMax} names without spaces`, 'acr_values')]),
  ]
  if (faults.length > 0) return { faults }
  return {
    faults,
    stepUp: { ...(isAge ? { maxAgeSeconds: maxAge } : {}), ...(isList ? { acrValues: acrs } : {}) },
  }
}

/** Whether a person who was not let in before is let in now. */
export function isWeaker(was: StepUp | undefined, now: StepUp | undefined): boolean {
  if (was === undefined) return false
  const isOlder =
    (now?.maxAgeSeconds ?? Number.POSITIVE_INFINITY) > (was.maxAgeSeconds ?? Number.POSITIVE_INFINITY)
  const takes = (acr: string): boolean => was.acrValues?.includes(acr) !== false
  const isWider = was.acrValues !== undefined && (now?.acrValues === undefined || !now.acrValues.every(takes))
  return isOlder || isWider
}
