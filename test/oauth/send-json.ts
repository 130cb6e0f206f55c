export type Json = Readonly<Record<string, unknown>>

/** A request with a JSON body, if any, and its JSON answer. A text is sent as it is. */
export async function send(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const json: Json = text === '' ? {} : JSON.parse(text)
  return { status: response.status, json, headers: response.headers }
}
