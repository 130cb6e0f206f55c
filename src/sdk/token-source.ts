import { checkAssumption, requestAssumed } from './assume-role.ts'
import { HeldToken, type TokenMachine, type TokenSource } from './held-token.ts'
import { listOf } from './list-of.ts'
import { secureAddress } from './secure-address.ts'
import { requestToken } from './token-request.ts'

export interface TokenSourceOptions {
  /** The token endpoint; several are tried in turn when one cannot be reached. */
  readonly tokenEndpoint?: string | readonly string[]
  /** In its place: the origin of the Latchkey server, or several, and the service's slug. */
  readonly latchkey?: string | readonly string[]
  readonly service?: string
  /** `lk_…`. A function is asked before each request, so that a rotated key is taken up without a restart. */
  readonly key: string | (() => string)
  /** Default: the id within the key. */
  readonly clientId?: string
  /**
   * The id of an assumption: the tokens are of the role that another organization lets the key take, in that organization
   * (RFC 8693).
   */
  readonly assumption?: string
  /** Narrows the key's role, or the one that it assumes; default: all that it has. */
  readonly scope?: string
  /** RFC 8707. */
  readonly resource?: string
  /** Lets the key go over plain HTTP to another machine than this one. */
  readonly sendKeyOverPlainHttp?: true
}

/**
 * Exchanges a key for access tokens by client credentials (RFC 6749 §4.4), and these for ones of an assumed role.
 * @throws {TypeError} for options that cannot work, without the key in the message
 */
export function tokenSource(options: TokenSourceOptions, machine: TokenMachine): TokenSource {
  const endpoints = endpointsOf(options)
  const keyNow = keyFrom(options.key)
  // Refuses a key that names no client now, not at the first call.
  clientIdOf(options, keyNow())
  const { scope, resource, assumption } = options
  if (assumption !== undefined) checkAssumption(assumption)
  /** Which of the endpoints is asked: it goes round. */
  let turn = 0
  return new HeldToken(
    {
      credential: keyNow,
      acquire: (signal) => {
        const key = keyNow()
        const endpoint = endpoints[turn % endpoints.length] ?? ''
        const request = { endpoint, clientId: clientIdOf(options, key), secret: key, signal }
        return assumption === undefined
          ? requestToken(machine.fetch, {
              ...request,
              form: { grant_type: 'client_credentials', scope, resource },
            })
          : requestAssumed(machine.fetch, request, { assumption, scope, resource })
      },
      failed: ({ code }) => {
        if (code === 'unreachable' || code === 'unexpected_answer') turn++
      },
    },
    machine,
  )
}

function endpointsOf(options: TokenSourceOptions): readonly string[] {
  const { tokenEndpoint, latchkey, service, sendKeyOverPlainHttp } = options
  const isPlainAllowed = sendKeyOverPlainHttp === true
  if (tokenEndpoint !== undefined)
    return listOf(tokenEndpoint).map((one) => secureAddress(one, isPlainAllowed))
  if (latchkey === undefined || service === undefined)
    throw new TypeError('a token source needs `tokenEndpoint`, or `latchkey` and `service`')
  return listOf(latchkey).map((origin) => `${secureAddress(origin, isPlainAllowed)}/${service}/oauth/token`)
}

/** @throws {TypeError} where an environment variable was not set, say: the type does not hold at run time */
function keyFrom(key: TokenSourceOptions['key'] | undefined): () => string {
  if (typeof key === 'function') return key
  if (typeof key === 'string' && key !== '') return () => key
  throw new TypeError('key is missing: give the client secret (lk_…), or a function that answers it')
}

const keyPattern = /^lk_(?:live|test)_([0-9a-z]{26})_[0-9A-Za-z]+$/

function clientIdOf({ clientId }: TokenSourceOptions, key: string): string {
  if (clientId !== undefined) return clientId
  const id = keyPattern.exec(key)?.[1]
  if (id === undefined)
    throw new TypeError('`key` is not a Latchkey key (`lk_live_…`), and there is no `clientId`')
  return `key_${id}`
}
