import { signInByCode } from './code-flow.ts'
import { signInByDevice } from './device-flow.ts'
import { type AcquiredToken, HeldToken, type TokenMachine, type TokenSource } from './held-token.ts'
import { fetchIssuerMetadata, type IssuerMetadata } from './issuer-metadata.ts'
import { secureAddress } from './secure-address.ts'
import type { SignInAsk } from './sign-in.ts'
import { TokenError } from './token-error.ts'
import { type TokenStore, tokenFileAt } from './token-file.ts'
import { type IssuedToken, requestJson, requestToken } from './token-request.ts'

export interface PersonTokenOptions {
  /** The origin of the Latchkey server, and the service's slug. */
  readonly latchkey?: string
  readonly service?: string
  /** In their place: any issuer that publishes metadata (RFC 8414). */
  readonly issuer?: string
  /** A public client: an app with a loopback redirect (`http://127.0.0.1/callback`), the device flow, or both. */
  readonly clientId: string
  /**
   * How the person signs in when there is nothing to renew a token with: through a browser on this machine (RFC 8252),
   * through one elsewhere (RFC 8628), or not at all: then `token()` fails with `sign_in_needed`.
   */
  readonly signIn: 'browser' | 'device' | 'never'
  /** What the app may do for the person, with spaces between; `offline_access` renews the token without them. */
  readonly scope: string
  /** RFC 8707. */
  readonly resource?: string
  /** Further parameters of the authorization request: `organization`, `login_hint`, `prompt`. */
  readonly parameters?: Readonly<Record<string, string>>
  /** Tells the person what to do: opens a browser, or prints an address and a code. */
  readonly show?: (ask: SignInAsk) => void | Promise<void>
  /** Where the refresh token is kept: the path of a file, or a store of one's own. Without it, in memory. */
  readonly store?: string | TokenStore
  /** So long a person is waited for. Default 300. */
  readonly waitSecondsMax?: number
  /** Lets the tokens go over plain HTTP to another machine than this one. */
  readonly sendKeyOverPlainHttp?: true
}

/** Access tokens of a person, for a program that they run. */
export interface PersonTokenSource extends TokenSource {
  /** Signs the person in anew, whatever is at hand. @throws {TokenError} */
  signIn(): Promise<void>
  /**
   * Ends what renews the tokens: at the server, and here even if the server cannot be told.
   * @returns whether anything was kept @throws {TokenError}
   */
  signOut(): Promise<boolean>
}

/** @throws {TypeError} for options that cannot work */
export function personTokenSource(options: PersonTokenOptions, machine: TokenMachine): PersonTokenSource {
  return new PersonTokens(options, machine)
}

class PersonTokens implements PersonTokenSource {
  readonly #options: PersonTokenOptions
  readonly #machine: TokenMachine
  readonly #issuer: string
  readonly #store: TokenStore
  readonly #held: HeldToken
  #metadata: Promise<IssuerMetadata> | undefined
  /** Each failure may be mended by the person, here or by another process: nothing bars the next call for good. */
  #failures = 0

  constructor(options: PersonTokenOptions, machine: TokenMachine) {
    this.#options = options
    this.#machine = machine
    this.#issuer = issuerOf(options)
    const { store = inMemory() } = options
    this.#store = typeof store === 'string' ? tokenFileAt(store) : store
    this.#held = new HeldToken(
      {
        acquire: () => this.#acquire(),
        credential: () => String(this.#failures),
        failed: () => {
          this.#failures++
        },
      },
      machine,
    )
  }

  token(): Promise<string> {
    return this.#held.token()
  }

  drop(token: string): void {
    this.#held.drop(token)
  }

  close(): void {
    this.#held.close()
  }

  async signIn(): Promise<void> {
    this.#held.keep(await this.#signedIn())
  }

  async signOut(): Promise<boolean> {
    const refreshToken = await this.#kept()
    this.#held.forget()
    if (refreshToken === undefined) return false
    try {
      await this.#revoke(refreshToken)
    } finally {
      await this.#store.remove()
    }
    return true
  }

  async #acquire(): Promise<AcquiredToken> {
    const refreshToken = await this.#kept()
    if (refreshToken === undefined) return await this.#signedIn()
    try {
      return await this.#refreshed(refreshToken)
    } catch (error) {
      if (!(error instanceof TokenError) || error.code !== 'invalid_grant') throw error
      const meanwhile = await this.#kept()
      // Another process of the same person has exchanged it.
      if (meanwhile !== undefined && meanwhile !== refreshToken) return await this.#refreshed(meanwhile)
      await this.#store.remove()
      return await this.#signedIn(error)
    }
  }

  /** RFC 6749 §6. The successor is kept before anything is done with the token: the old one is of no use any more. */
  async #refreshed(refreshToken: string): Promise<IssuedToken> {
    const { clientId, resource } = this.#options
    const { tokenEndpoint } = await this.#issuerMetadata()
    const issued = await requestToken(this.#machine.fetch, {
      endpoint: tokenEndpoint,
      clientId,
      form: { grant_type: 'refresh_token', refresh_token: refreshToken, resource },
      signal: this.#held.signal,
    })
    if (issued.refreshToken !== undefined) await this.#keep(issued.refreshToken)
    return issued
  }

  async #signedIn(cause?: TokenError): Promise<AcquiredToken> {
    const { signIn, scope, clientId, resource, parameters = {}, show, waitSecondsMax = 300 } = this.#options
    if (signIn === 'never' || show === undefined)
      throw new TokenError(`nobody is signed in at ${this.#issuer}`, {
        code: 'sign_in_needed',
        isFinal: true,
        cause,
      })
    const metadata = await this.#issuerMetadata()
    const { fetch, random } = this.#machine
    const flow = signIn === 'browser' ? signInByCode : signInByDevice
    const { signal } = this.#held
    const issued = await flow({
      ...{ metadata, clientId, scope, resource, parameters, show, waitSecondsMax },
      ...{ fetch, random, signal },
    }).catch((error: unknown) => {
      // The person has been asked once: nothing here asks them again by itself.
      throw error instanceof TokenError ? finalFrom(error) : error
    })
    // Who signed in before is signed in no more.
    if (issued.refreshToken === undefined) await this.#store.remove()
    else await this.#keep(issued.refreshToken)
    return { ...issued, startedAt: this.#machine.monotonic() }
  }

  async #revoke(refreshToken: string): Promise<void> {
    const { revocationEndpoint } = await this.#issuerMetadata()
    if (revocationEndpoint === undefined) return
    await requestJson(this.#machine.fetch, {
      endpoint: revocationEndpoint,
      clientId: this.#options.clientId,
      form: { token: refreshToken, token_type_hint: 'refresh_token' },
      signal: this.#held.signal,
    })
  }

  async #keep(refreshToken: string): Promise<void> {
    const { clientId } = this.#options
    const kept = { issuer: this.#issuer, client_id: clientId, refresh_token: refreshToken }
    await this.#store.write(`${JSON.stringify(kept)}\n`)
  }

  /** What is kept for this very issuer and client: nobody else is handed it. */
  async #kept(): Promise<string | undefined> {
    const text = await this.#store.read()
    const kept = text === undefined ? {} : objectIn(text)
    const isOurs = kept['issuer'] === this.#issuer && kept['client_id'] === this.#options.clientId
    const refreshToken = kept['refresh_token']
    return isOurs && typeof refreshToken === 'string' ? refreshToken : undefined
  }

  /** Asked once; a failure is not kept. */
  #issuerMetadata(): Promise<IssuerMetadata> {
    const isPlainAllowed = this.#options.sendKeyOverPlainHttp === true
    const { fetch } = this.#machine
    this.#metadata ??= fetchIssuerMetadata(fetch, this.#issuer, isPlainAllowed, this.#held.signal).catch(
      (error: unknown) => {
        this.#metadata = undefined
        throw error
      },
    )
    return this.#metadata
  }
}

function finalFrom(error: TokenError): TokenError {
  if (error.isFinal) return error
  return new TokenError(error.message, { code: error.code, isFinal: true, cause: error })
}

function issuerOf({ issuer, latchkey, service, sendKeyOverPlainHttp }: PersonTokenOptions): string {
  const isPlainAllowed = sendKeyOverPlainHttp === true
  if (issuer !== undefined) return secureAddress(issuer, isPlainAllowed)
  if (latchkey === undefined || service === undefined)
    throw new TypeError('a token source needs `issuer`, or `latchkey` and `service`')
  return `${secureAddress(latchkey, isPlainAllowed)}/${service}`
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    // Whatever it is, nothing can be renewed with it.
    return {}
  }
}

function inMemory(): TokenStore {
  let kept: string | undefined
  return {
    read: async () => kept,
    write: async (text) => {
      kept = text
    },
    remove: async () => {
      kept = undefined
    },
  }
}
