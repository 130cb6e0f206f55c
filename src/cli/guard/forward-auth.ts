import type { IncomingMessage, ServerResponse } from 'node:http'
import { canonicalPath } from '../../evaluator/canonical-path.ts'
import type { Admission, Guard, GuardRequest, Rejection } from '../../sdk/index.ts'
import { askedRequest } from './asked-request.ts'
import { answerAdmitted, answerPreflight, answerProblem, answerRejected } from './gateway-answer.ts'
import type { IsGateway } from './gateway-key.ts'
import type { Gateway } from './gateways.ts'
import type { Identities } from './identity.ts'

export interface ForwardAuthDeps {
  readonly guard: Guard
  readonly gateway: Gateway
  readonly isGateway: IsGateway
  readonly identities: Identities
  /** Told of each request that may not go on. */
  readonly refused: (rejection: Rejection) => void
}

export type ForwardAuth = (message: IncomingMessage, response: ServerResponse) => void | Promise<void>

/**
 * Answers a gateway whether the client's request may go on: 200, and headers for the API; else what the client is to be
 * answered. What was decided a moment ago is answered at once.
 */
export function forwardAuth({
  guard,
  gateway,
  isGateway,
  identities,
  refused,
}: ForwardAuthDeps): ForwardAuth {
  const { asking, problemInHeader = false } = gateway

  const reject = (response: ServerResponse, rejection: Rejection): void => {
    refused(rejection)
    answerRejected(response, rejection, problemInHeader)
  }

  function admit(response: ServerResponse, admission: Admission): void | Promise<void> {
    const { caller } = admission
    const known = caller === undefined ? undefined : identities.now(caller)
    if (caller === undefined || known !== undefined) return answerAdmitted(response, admission, known)
    return identities.make(caller).then((made) => answerAdmitted(response, admission, made))
  }

  async function decide(response: ServerResponse, request: GuardRequest): Promise<void> {
    if (await guard.isPreflight(request)) {
      const path = canonicalPath(request.url)
      if (path !== 'ambiguous_path') return answerPreflight(response, path.path)
    }
    const answer = await guard.check(request)
    return answer.allowed ? admit(response, answer) : reject(response, answer)
  }

  return (message, response) => {
    if (!isGateway(message)) return answerProblem(response, notTheGateway, problemInHeader)
    const request = askedRequest(message, asking)
    if ('detail' in request) return answerProblem(response, { ...unclear, ...request }, problemInHeader)
    const answer = request.corsHeaders === true ? undefined : guard.checkNow(request)
    if (answer === undefined) return decide(response, request)
    return answer.allowed ? admit(response, answer) : reject(response, answer)
  }
}

const unclear = { status: 400, title: 'Bad Request', code: 'ambiguous_request' }

const notTheGateway = {
  status: 403,
  title: 'Forbidden',
  code: 'forbidden',
  detail: 'Only the gateway may ask: it proves itself with the key in X-Latchkey-Guard.',
}
