import { fetchBody } from './fetch-body.ts'
import type { Admission, GuardRequest } from './guard-answer.ts'
import { type Guarding, problemBody, problemMediaType } from './middleware.ts'
import { headersOfReplaced, headOf, type ResponseDuty } from './response-duty.ts'
import { fulfil } from './whole-body.ts'

/** `admission` is absent only for a CORS preflight, which is not decided. */
export type FetchHandler = (
  request: Request,
  admission: Admission | undefined,
) => Response | Promise<Response>

/** @param address the client's, which a `Request` does not tell; needed for keys that are bound to addresses */
export type GuardedFetch = (request: Request, address?: string) => Promise<Response>

export function fetchMiddleware(guarding: Guarding, handler: FetchHandler): GuardedFetch {
  const { gate } = guarding
  return async (request, address) => {
    const { headers } = request
    const asked: GuardRequest = {
      method: request.method,
      url: targetOf(request.url),
      body: fetchBody(request, guarding.bodies),
      filtersResponse: true,
      authorization: headers.get('authorization') ?? undefined,
      dpop: headers.get('dpop') ?? undefined,
      address,
      forwardedFor: headers.get('x-forwarded-for') ?? undefined,
      corsHeaders: headers.has('origin') && headers.has('access-control-request-method'),
    }
    const metadata = await gate.metadataFor(asked)
    if (metadata !== undefined) {
      const { status, headers: told, body } = metadata
      return new Response(status === 200 ? body : null, { status, headers: told })
    }
    if (await gate.isPreflight(asked)) return handler(request, undefined)
    const answer = await gate.check(asked)
    if (answer.allowed) {
      const duty = await guarding.dutyOf(asked, answer)
      const response =
        duty === undefined
          ? await handler(request, answer)
          : await withDuty(guarding, duty, await handler(asking(request, duty), answer))
      return withHeaders(response, answer.headers)
    }
    const told = { ...answer.headers, 'content-type': problemMediaType }
    return new Response(problemBody(answer), { status: answer.status, headers: told })
  }
}

/** The request without what is asked of the whole response. */
function asking(request: Request, { unasked }: ResponseDuty): Request {
  if (!unasked.some((name) => request.headers.has(name))) return request
  const headers = new Headers(request.headers)
  for (const name of unasked) headers.delete(name)
  return new Request(request, { headers })
}

async function withDuty({ responses }: Guarding, duty: ResponseDuty, response: Response): Promise<Response> {
  const head = headOf(response.status, (name) => response.headers.get(name))
  const fulfilled = await fulfil(duty, head, response, responses)
  const { status, statusText } = response
  switch (fulfilled.kind) {
    case 'passed':
      return response
    case 'unchanged':
      return new Response(bodyOf(fulfilled.body), { status, statusText, headers: response.headers })
    case 'replaced': {
      const { by } = fulfilled
      const headers = new Headers(response.headers)
      for (const name of headersOfReplaced) headers.delete(name)
      for (const [name, value] of Object.entries(by.headers)) headers.set(name, value)
      return new Response(bodyOf(by.body), { status: by.status, headers })
    }
    default:
      throw new Error(`unknown outcome: ${fulfilled satisfies never}`)
  }
}

/** To the platform an empty body is one, too, which 204 and its like may not have. */
function bodyOf(body: string | Buffer): string | Uint8Array<ArrayBuffer> | null {
  if (body.length === 0) return null
  return typeof body === 'string' ? body : new Uint8Array(body)
}

/** A handler's response may be one whose headers cannot be changed; one that switches protocols cannot be copied either. */
function withHeaders(response: Response, added: Admission['headers']): Response {
  if (response.status < 200) return response
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(added)) headers.set(name, value)
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

function targetOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}
