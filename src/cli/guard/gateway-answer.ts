import type { ServerResponse } from 'node:http'
import type { Admission, Rejection } from '../../sdk/index.ts'

/** Name, value, name, value, …: as `writeHead` takes them without looking through them. */
type HeaderList = string[]

interface Problem {
  readonly status: number
  readonly title: string
  readonly code: string
  readonly detail: string
}

// An answer is good for one request: neither a gateway nor a cache before the guard may give it twice.
const noStore: readonly string[] = ['cache-control', 'no-store']
const problemMediaType = 'application/problem+json'

/** The request may go on, with these headers set anew for the API. The body is empty. */
export function answerAdmitted(
  response: ServerResponse,
  { decisionId, operation, canonicalPath, caller, headers }: Admission,
  identity: string | undefined,
): void {
  const list: HeaderList = [
    ...[...noStore, 'content-length', '0'],
    ...['x-latchkey-decision', decisionId, 'x-latchkey-operation', headerText(operation.id)],
    ...['x-latchkey-path', canonicalPath],
  ]
  if (caller !== undefined && identity !== undefined)
    list.push(
      ...['x-latchkey-subject', headerText(caller.id), 'x-latchkey-client', headerText(caller.clientId)],
      ...['x-latchkey-organization', headerText(caller.organizationId), 'x-latchkey-identity', identity],
    )
  for (const name in headers) list.push(name, headers[name] ?? '')
  response.writeHead(200, list).end()
}

/** A preflight goes on to the API's own answer: it is not decided, and nobody's. */
export function answerPreflight(response: ServerResponse, canonicalPath: string): void {
  response.writeHead(200, [...noStore, 'content-length', '0', 'x-latchkey-path', canonicalPath]).end()
}

/** What the SDK's middleware would have answered. */
export function answerRejected(
  response: ServerResponse,
  { status, headers, problem }: Rejection,
  problemInHeader: boolean,
): void {
  write(response, status, problem, Object.entries(headers).flat(), problemInHeader)
}

/** What is wrong between gateway and guard, or was never the client's to send. */
export function answerProblem(
  response: ServerResponse,
  problem: Problem,
  problemInHeader = false,
  more: readonly string[] = [],
): void {
  write(response, problem.status, { type: 'about:blank', ...problem }, [...noStore, ...more], problemInHeader)
}

function write(
  response: ServerResponse,
  status: number,
  problem: object,
  headers: readonly string[],
  problemInHeader: boolean,
): void {
  const body = asciiJson(problem)
  const list: HeaderList = [
    ...headers,
    'content-type',
    problemMediaType,
    'content-length',
    String(body.length),
  ]
  if (problemInHeader) list.push('x-latchkey-problem', body)
  response.writeHead(status, list).end(body)
}

/** The same JSON in ASCII, which fits into a header, and has as many bytes as characters. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Ids of documents can be any text; in a header all but visible ASCII and blanks is percent-encoded, and `%` itself. */
function headerText(text: string): string {
  return plainText.test(text) ? text : encodeURIComponent(text.toWellFormed()).replaceAll('%20', ' ')
}

const plainText = /^[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?$/
