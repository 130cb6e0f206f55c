import { type Claim, type Fact, type Joined, never } from './claim.ts'
import { isTag } from './condition.ts'
import { areContradictory, type Budget, follows, type ValueFact } from './value-proof.ts'

/** Some tens of milliseconds. */
const stepsMax = 200_000

/** What is taken to be so: facts, and choices of which one is so. */
interface Known {
  readonly facts: readonly Fact[]
  readonly choices: readonly Joined[]
}

/**
 * Whether it is certain that the second claim is so wherever the first one is. Not every such pair is found, and not
 * those that would take too many steps.
 */
export function proves(premise: Claim, conclusion: Claim, budget: Budget = { steps: stepsMax }): boolean {
  if (premise.key === conclusion.key) return true
  return derives(assume({ facts: [], choices: [] }, premise), conclusion, budget)
}

/** Whether it is certain that a claim is never so. */
export function isImpossible(claim: Claim, budget: Budget = { steps: stepsMax }): boolean {
  return proves(claim, never, budget)
}

function assume({ facts, choices }: Known, claim: Claim): Known {
  switch (claim.kind) {
    case 'all':
      return claim.of.reduce(assume, { facts, choices })
    case 'any':
      return { facts, choices: [...choices, claim] }
    default:
      return { facts: [...facts, claim], choices }
  }
}

function derives(known: Known, goal: Claim, budget: Budget): boolean {
  budget.steps -= known.facts.length + known.choices.length + 1
  if (budget.steps < 0) return false
  if (goal.kind === 'all') return goal.of.every((part) => derives(known, part, budget))
  const { facts, choices } = known
  if (facts.some(({ key }) => key === goal.key) || choices.some(({ key }) => key === goal.key)) return true
  if (isSupported(facts, goal, budget) || isAbsurd(facts, budget)) return true
  // One choice may be enough, and is tried before the product of all of them.
  if (choices.length > 1)
    for (const choice of choices) if (derivesByEach({ facts, choices: [] }, choice, goal, budget)) return true
  const [first, ...others] = choices
  if (first !== undefined) return derivesByEach({ facts, choices: others }, first, goal, budget)
  return goal.kind === 'any' && goal.of.some((part) => derives(known, part, budget))
}

function derivesByEach(known: Known, choice: Joined, goal: Claim, budget: Budget): boolean {
  return choice.of.every((branch) => derives(assume(known, branch), goal, budget))
}

/** Whether the facts alone say that a claim is so. */
function isSupported(facts: readonly Fact[], goal: Claim, budget: Budget): boolean {
  switch (goal.kind) {
    case 'all':
      return goal.of.every((part) => isSupported(facts, part, budget))
    case 'any':
      return goal.of.some((part) => isSupported(facts, part, budget))
    case 'test':
      return isTestSupported(facts, goal, budget)
    case 'absence':
      // Whatever is true or false of a variable says that it has a value.
      return facts.some((fact) => fact.key === goal.key || (!goal.holds && saysPresent(fact, goal.about.key)))
    case 'pair':
      return facts.some((fact) => fact.key === goal.key)
    default:
      throw new Error(`unknown claim: ${goal satisfies never}`)
  }
}

function saysPresent(fact: Fact, subjectKey: string): boolean {
  if (fact.kind === 'pair') return fact.abouts.some(({ key }) => key === subjectKey)
  return fact.kind === 'test' && fact.about.key === subjectKey
}

/**
 * Of a tag, a true predicate says that some value is such, a false one that none is. So what is false is so of each of
 * its values, and what is true only of one, which need not be the one of another true predicate.
 */
function isTestSupported(facts: readonly Fact[], goal: ValueFact, budget: Budget): boolean {
  const said = facts.filter((fact) => isAbout(fact, goal))
  if (!isTag(goal.about.variable)) return follows(said, goal, budget)
  const ofEach = said.filter(({ holds }) => !holds)
  if (ofEach.length > 0 && follows(ofEach, goal, budget)) return true
  return goal.holds && said.some((fact) => fact.holds && follows([fact, ...ofEach], goal, budget))
}

function isAbout(fact: Fact, goal: ValueFact): fact is ValueFact {
  return fact.kind === 'test' && fact.about.key === goal.about.key
}

/** Whether the facts cannot all be so. */
function isAbsurd(facts: readonly Fact[], budget: Budget): boolean {
  const keys = new Set(facts.map(({ key }) => key))
  const subjects = new Map<string, ValueFact[]>()
  for (const fact of facts) {
    if (keys.has((fact.holds ? '-' : '+') + fact.key.slice(1))) return true
    if (fact.kind === 'absence' && fact.holds && facts.some((other) => saysPresent(other, fact.about.key)))
      return true
    if (fact.kind === 'pair' && isDifferentFromItself(fact)) return true
    if (fact.kind === 'test') subjects.set(fact.about.key, [...(subjects.get(fact.about.key) ?? []), fact])
  }
  return [...subjects.values()].some((said) => isSubjectAbsurd(said, budget))
}

function isDifferentFromItself({
  abouts: [left, right],
  isEquality,
  holds,
}: Extract<Fact, { kind: 'pair' }>) {
  return isEquality && !holds && left.key === right.key
}

function isSubjectAbsurd(said: readonly ValueFact[], budget: Budget): boolean {
  if (!said.some(({ about }) => isTag(about.variable))) return areContradictory(said, budget)
  const ofEach = said.filter(({ holds }) => !holds)
  if (areContradictory(ofEach, budget)) return true
  return said.some((fact) => fact.holds && areContradictory([fact, ...ofEach], budget))
}
