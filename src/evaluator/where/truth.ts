/**
 * What a condition comes out as. Only `true` allows. The last three depend on a body that is not at hand, and any of them
 * may come out as unknown with it: `body_required` may be true or false, too, `never_true` false, `never_false` true.
 */
export type Truth = 'true' | 'false' | 'unknown' | 'body_required' | 'never_true' | 'never_false'

export function opposite(truth: Truth): Truth {
  switch (truth) {
    case 'true':
      return 'false'
    case 'false':
      return 'true'
    case 'never_true':
      return 'never_false'
    case 'never_false':
      return 'never_true'
    default:
      return truth
  }
}

/** What two that are neither true nor false come out as where both must be true. */
export function both(one: Truth, other: Truth): Truth {
  return possibly(mayBeTrue(one) && mayBeTrue(other), mayBeFalse(one) || mayBeFalse(other))
}

/** The same where either may be true. */
export function either(one: Truth, other: Truth): Truth {
  return possibly(mayBeTrue(one) || mayBeTrue(other), mayBeFalse(one) && mayBeFalse(other))
}

/** Whether it is true, or some body would make it so. */
export function mayBeTrue(truth: Truth): boolean {
  return truth === 'true' || truth === 'body_required' || truth === 'never_false'
}

function mayBeFalse(truth: Truth): boolean {
  return mayBeTrue(opposite(truth))
}

function possibly(canBeTrue: boolean, canBeFalse: boolean): Truth {
  if (canBeTrue) return canBeFalse ? 'body_required' : 'never_false'
  return canBeFalse ? 'never_true' : 'unknown'
}
