/** Letters that are safe in a log line, a header and a shell: nothing that could forge a line or a field. */
const acceptable = /^[A-Za-z0-9._~-]{1,128}$/

/** The caller's own `X-Request-Id` if it is 1–128 of a safe alphabet, else one made anew. */
export function requestIdFrom(
  header: string | readonly string[] | undefined,
  newRequestId: () => string,
): string {
  return typeof header === 'string' && acceptable.test(header) ? header : newRequestId()
}
