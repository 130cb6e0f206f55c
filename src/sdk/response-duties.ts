import { creationDuty } from './creation-duty.ts'
import { filterDuty } from './filter-duty.ts'
import type { Admission, GuardRequest } from './guard-answer.ts'
import type { GuardSource } from './guard-source.ts'
import type { ResponseDuty } from './response-duty.ts'

/** All that is to be done with the response to a request that was let through. `undefined`: nothing. */
export function responseDuty(
  source: GuardSource,
  { method }: GuardRequest,
  admission: Admission,
): ResponseDuty | undefined {
  const { filter, decisionId, caller, operation } = admission
  const { creates } = operation
  const { register } = source
  const creation =
    creates === undefined || caller === undefined || register === undefined
      ? undefined
      : creationDuty({ source, register, creates, caller, admission })
  const filtering = filter === undefined ? undefined : filterDuty({ filter, decisionId, method })
  if (creation === undefined || filtering === undefined) return creation ?? filtering
  return inTurn(creation, filtering)
}

/** The first one's word counts where both would replace the response: what was not registered is shown to nobody. */
function inTurn(first: ResponseDuty, second: ResponseDuty): ResponseDuty {
  return {
    at: (head) => {
      const wanted = [first.at(head), second.at(head)]
      if (wanted.includes('discard')) return 'discard'
      return wanted.includes('hold') ? 'hold' : 'pass'
    },
    settle: async (head, body) => (await first.settle(head, body)) ?? (await second.settle(head, body)),
    unasked: [...first.unasked, ...second.unasked],
  }
}
