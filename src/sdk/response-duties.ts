import { creationDuty } from './creation-duty.ts'
import { filterDuty } from './filter-duty.ts'
import type { Admission, GuardRequest } from './guard-answer.ts'
import type { GuardSource } from './guard-source.ts'
import type { ResponseDuty } from './response-duty.ts'

/** All that is to be done with the response to a request that was let through. `undefined`: nothing. */
export async function responseDuty(
  source: GuardSource,
  { method }: GuardRequest,
  admission: Admission,
): Promise<ResponseDuty | undefined> {
  const { filter, decisionId } = admission
  const creation = await creationOf(source, admission)
  const filtering = filter === undefined ? undefined : filterDuty({ filter, decisionId, method })
  if (creation === undefined || filtering === undefined) return creation ?? filtering
  return inTurn(creation, filtering)
}

async function creationOf(source: GuardSource, admission: Admission): Promise<ResponseDuty | undefined> {
  const { caller, operation } = admission
  const { creates } = operation
  const { register } = source
  if (creates === undefined || caller === undefined || register === undefined) return undefined
  const model = (await source.bundle())?.model
  // Where the API knows its resources, nobody asks for them here, and its response is not touched.
  if (model?.model.resources !== 'latchkey') return undefined
  return creationDuty({ source, register, creates, caller, admission, model })
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
