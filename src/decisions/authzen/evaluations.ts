/** How several questions are answered (§7.1.2.1). */
export const evaluationsSemantics = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const
export type EvaluationsSemantic = (typeof evaluationsSemantics)[number]

/** So many are decided beside each other: each may ask the store for a resource. */
const besideMax = 50

/**
 * Answers questions in their order; short-circuiting semantics end with the answer that settles it, and what comes after
 * is not asked.
 */
export async function evaluateAll<Q, A extends { readonly allowed: boolean }>(
  questions: readonly Q[],
  semantic: EvaluationsSemantic,
  answer: (question: Q) => Promise<A>,
): Promise<readonly A[]> {
  const answers: A[] = []
  const beside = semantic === 'execute_all' ? besideMax : 1
  for (let i = 0; i < questions.length; i += beside) {
    answers.push(...(await Promise.all(questions.slice(i, i + beside).map(answer))))
    const last = answers.at(-1)
    if (last !== undefined && isSettled(semantic, last.allowed)) break
  }
  return answers
}

function isSettled(semantic: EvaluationsSemantic, allowed: boolean): boolean {
  switch (semantic) {
    case 'execute_all':
      return false
    case 'deny_on_first_deny':
      return !allowed
    case 'permit_on_first_permit':
      return allowed
    default:
      throw new Error(`unknown semantic: ${semantic satisfies never}`)
  }
}
