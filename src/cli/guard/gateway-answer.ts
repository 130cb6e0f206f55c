import type { ServerResponse } from 'node:http'
import type { Admission, Operation, Rejection } from '../../sdk/index.ts'
import { headerText } from './header-text.ts'

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

/**
 * The request may go on, with these headers set anew for the API. The body is empty.
 * @param who headers that tell who calls; none on a public operation
 */
export function answerAdmitted(
  response: ServerResponse,
  { decisionId, operation, canonicalPath, headers }: Admission,
  who: readonly string[] = [],
): void {
  const list: HeaderList = ['cache-control', 'no-store', 'content-length', '0']
  list.push('x-latchkey-decision', decisionId, 'x-latchkey-operation', idOf(operation))
  list.push('x-latchkey-path', canonicalPath)
  for (const one of who) list.push(one)
  for (const name in headers) list.push(name, headers[name] ?? '')
  response.writeHead(200, list).end()
}

const ids = new WeakMap<Operation, string>()

function idOf(operation: Operation): string {
  const known = ids.get(operation)
  if (known !== undefined) return known
  const id = headerText(operation.id)
  ids.set(operation, id)
  return id
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
