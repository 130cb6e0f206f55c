import { fetchBody } from './fetch-body.ts'
import type { Admission, Gate } from './guard-answer.ts'
import { problemBody, problemMediaType } from './middleware.ts'
import type { BodyLimits } from './request-body.ts'

/** `admission` is absent only for a CORS preflight, which is not decided. */
export type FetchHandler = (
  request: Request,
  admission: Admission | undefined,
) => Response | Promise<Response>

/** @param address the client's, which a `Request` does not tell; needed for keys that are bound to addresses */
export type GuardedFetch = (request: Request, address?: string) => Promise<Response>

export function fetchMiddleware(gate: Gate, limits: BodyLimits, handler: FetchHandler): GuardedFetch {
  return async (request, address) => {
    const { headers } = request
    const asked = {
      method: request.method,
      url: targetOf(request.url),
      body: fetchBody(request, limits),
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
    if (answer.allowed) return withHeaders(await handler(request, answer), answer.headers)
    const told = { ...answer.headers, 'content-type': problemMediaType }
    return new Response(problemBody(answer), { status: answer.status, headers: told })
  }
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
