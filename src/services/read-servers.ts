import type { Fault } from '../errors.ts'
import { templateFault } from '../evaluator/path-template.ts'
import { jsonPointer } from '../json-text.ts'
import { entries, isObject, items, type JsonObject, member, text } from './json-value.ts'

/** More combinations of server variables than this are not tried out; the defaults still are. */
const combinationsMax = 100

interface Servers {
  /** The first absolute URL of the root's servers, without a trailing slash. */
  readonly audience: string | undefined
  /** Path prefixes of all servers, without a trailing slash. */
  readonly basePaths: readonly string[]
  readonly faults: readonly Fault[]
}

/** Reads `servers` of the root, the paths and the operations. */
export function readServers(document: JsonObject): Servers {
  const faults: Fault[] = []
  const urlsOf = (server: unknown, place: string): readonly string[] => {
    const url = text(member(server, 'url'))
    if (url === undefined) return []
    const urls = filled(url, member(server, 'variables'))
    const first = urls[0] ?? url
    const fault = urlFault(url, first)
    // A combination that no request can be sent to is left out; one as the document has it by default is a fault.
    if (fault === undefined) return urls.filter((one) => urlFault(url, one) === undefined)
    faults.push({ pointer: `${place}/url`, ...fault })
    return []
  }
  const atRoot = items(member(document, 'servers')).flatMap((s, i) => urlsOf(s, jsonPointer('servers', i)))
  const all = [...atRoot, ...serversBelow(document).flatMap(({ server, place }) => urlsOf(server, place))]
  const prefixes = all.map((url) => basePathOf(url))
  return {
    audience: atRoot.find((url) => /^https?:\/\//i.test(url))?.replace(/\/+$/, ''),
    basePaths: [...new Set(atRoot.length === 0 ? ['', ...prefixes] : prefixes)],
    faults,
  }
}

/** What is wrong with a URL whose variables have been filled in, if anything. */
function urlFault(written: string, url: string): Omit<Fault, 'pointer'> | undefined {
  const unfilled = /[{}]/.test(url)
  if (unfilled || !URL.canParse(url, 'https://relative.invalid'))
    return {
      detail: `${written} is not a URL${unfilled ? ' once its variables have their defaults' : ''}`,
      fix: 'give each {variable} a default under variables',
    }
  const base = basePathOf(url)
  const detail = base === '' ? undefined : templateFault(base)
  return detail === undefined ? undefined : { detail: `the path of ${url} is no base of paths: ${detail}` }
}

function serversBelow(document: JsonObject): readonly { server: unknown; place: string }[] {
  return entries(member(document, 'paths')).flatMap(([path, item]) =>
    [['', item] as const, ...entries(item)].flatMap(([key, holder]) =>
      items(isObject(holder) ? member(holder, 'servers') : undefined).map((server, i) => ({
        server,
        place:
          key === ''
            ? jsonPointer('paths', path, 'servers', i)
            : jsonPointer('paths', path, key, 'servers', i),
      })),
    ),
  )
}

/** The URL with its variables filled in: the defaults first, then every combination of what their `enum`s allow. */
function filled(url: string, variables: unknown): readonly string[] {
  let urls = [url]
  for (const [name, variable] of entries(variables)) {
    if (!url.includes(`{${name}}`)) continue
    const values = [member(variable, 'default'), ...items(member(variable, 'enum'))].filter(
      (value) => typeof value === 'string' || typeof value === 'number',
    )
    const distinct = [...new Set(values.map(String))]
    const tried = urls.length * distinct.length > combinationsMax ? distinct.slice(0, 1) : distinct
    if (tried.length > 0)
      urls = tried.flatMap((value) => urls.map((one) => one.replaceAll(`{${name}}`, value)))
  }
  return urls
}

function basePathOf(url: string): string {
  return new URL(url, 'https://relative.invalid').pathname.replace(/\/+$/, '')
}

/** What is wrong with an audience: it must be an absolute `http` or `https` URL without a fragment (RFC 8707 §2). */
export function audienceFault(audience: string, place: string): Fault | undefined {
  const fix = 'give the base URL of the API, such as https://api.example.com/v1'
  if (audience.length > 500)
    return { pointer: place, detail: 'the audience is longer than 500 characters', fix }
  if (!URL.canParse(audience) || !/^https?:\/\/[^/\s]/i.test(audience))
    return { pointer: place, detail: 'the audience is not an absolute http or https URL', fix }
  const { hash, username, password } = new URL(audience)
  if (hash !== '' || audience.endsWith('#') || username !== '' || password !== '')
    return { pointer: place, detail: 'the audience has a fragment or a user name (RFC 8707 §2)', fix }
  return undefined
}
