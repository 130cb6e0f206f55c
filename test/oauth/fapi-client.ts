import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Browser, Seen } from './browser.ts'
import { callback, given, goOn, type Suite, type Tokens } from './suite.ts'

type Claims = Readonly<Record<string, unknown>>
type Changes = Readonly<Record<string, string | undefined>>
const now = () => Math.floor(Date.now() / 1000)

/** Who holds a key and proves it with each request (RFC 9449 §4.2). */
export async function holder(alg = 'ES256') {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  const prove = (htu: string, claims: Claims = {}, htm = 'POST') =>
    new SignJWT({ htm, htu, iat: now(), jti: randomUUID(), ...claims })
      .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk })
      .sign(privateKey)
  return { prove, thumbprint: await calculateJwkThumbprint(jwk) }
}

/** An app as the profile wants it: it signs its assertions, pushes its requests, and holds a key. */
export async function fapiClient(suite: Suite, alg = 'ES256') {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'of-the-suite' }
  const { key } = await suite.addApp({
    authentication: { kind: 'private_key_jwt', jwks: { keys: [jwk] } },
  })
  const clientId = key.id
  const { issuer } = suite
  const assertion = (claims: Claims = {}, as = alg) =>
    new SignJWT({
      ...{ iss: clientId, sub: clientId, aud: issuer, jti: randomUUID() },
      ...{ iat: now(), nbf: now(), exp: now() + 60, ...claims },
    })
      .setProtectedHeader({ alg: as, kid: 'of-the-suite' })
      .sign(privateKey)
  const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const proof = async (claims: Claims = {}) => ({
    client_assertion_type: type,
    client_assertion: await assertion(claims),
  })
  const dpop = await holder(alg)
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')

  const post = (path: string, parameters: Changes | URLSearchParams, headers: Record<string, string> = {}) =>
    fetch(`${issuer}/oauth/${path}`, {
      method: 'POST',
      headers,
      body: parameters instanceof URLSearchParams ? parameters : new URLSearchParams(given(parameters)),
    })
  const request = {
    ...{ client_id: clientId, redirect_uri: callback, response_type: 'code', scope: 'openid' },
    ...{ state: 'state-of-the-suite', nonce: 'nonce-of-the-suite' },
    ...{ code_challenge: challenge, code_challenge_method: 'S256' },
  }
  /** Pushes a request; `claims` are of the assertion. */
  const push = async (changes: Changes = {}, claims: Claims = {}, headers: Record<string, string> = {}) =>
    post('par', { ...request, ...(await proof(claims)), ...changes }, headers)
  const reference = async (changes: Changes = {}, headers: Record<string, string> = {}): Promise<URL> => {
    const answer = await push(changes, {}, headers)
    if (answer.status !== 201) throw new Error(await answer.text())
    const { request_uri: uri } = (await answer.json()) as { readonly request_uri: string }
    return authorizationUrl(uri)
  }
  const authorizationUrl = (uri: string, of: string = clientId) =>
    new URL(`${issuer}/oauth/authorize?${new URLSearchParams({ client_id: of, request_uri: uri })}`)
  const answer = async (browser: Browser, changes: Changes = {}, headers: Record<string, string> = {}) =>
    goOn(browser, await browser.open(await reference(changes, headers)))
  const tokenUrl = `${issuer}/oauth/token`
  /** Redeems; a `DPoP` of `''` sends none. */
  const redeem = async (
    { url }: Pick<Seen, 'url'>,
    changes: Changes = {},
    { claims = {}, DPoP }: { readonly claims?: Claims; readonly DPoP?: string } = {},
  ): Promise<Response> => {
    const form = {
      ...{ grant_type: 'authorization_code', code: url.searchParams.get('code') ?? undefined },
      ...{ redirect_uri: callback, code_verifier: verifier },
      ...(await proof(claims)),
      ...changes,
    }
    const sent = DPoP ?? (await dpop.prove(tokenUrl))
    return post('token', form, sent === '' ? {} : { DPoP: sent })
  }
  const refresh = async (token: string, { DPoP }: { readonly DPoP?: string } = {}): Promise<Response> => {
    const sent = DPoP ?? (await dpop.prove(tokenUrl))
    const form = { grant_type: 'refresh_token', refresh_token: token, ...(await proof()) }
    return post('token', form, sent === '' ? {} : { DPoP: sent })
  }
  const run = async (browser: Browser, changes: Changes = {}): Promise<Tokens> => {
    const redeemed = await redeem(await answer(browser, changes))
    if (redeemed.status !== 200) throw new Error(await redeemed.text())
    return (await redeemed.json()) as Tokens
  }
  return {
    ...{ key, clientId, assertion, proof, dpop, post, push, reference, authorizationUrl, answer },
    ...{ redeem, refresh, run, tokenUrl, parUrl: `${issuer}/oauth/par`, request },
  }
}
