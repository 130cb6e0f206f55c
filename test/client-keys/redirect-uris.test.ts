import { describe, expect, test } from 'vitest'
import { redirectUriFault } from '../../src/client-keys/redirect-uris.ts'

describe('redirect URIs (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §4.1.3)', () => {
  test.each([
    ['web', 'https://app.example/callback'],
    ['web', 'https://app.example'],
    ['web', 'https://app.example/callback?tenant=1'],
    ['web', 'http://localhost:3000/callback'],
    ['web', 'http://127.0.0.1/callback'],
    ['native', 'http://127.0.0.1/callback'],
    ['native', 'http://[::1]:8080/callback'],
    ['native', 'https://app.example/claimed'],
    ['native', 'com.example.app:/callback'],
  ] as const)('a %s app may use %s', (type, uri) => {
    expect(redirectUriFault(uri, type)).toBeUndefined()
  })

  test.each([
    ['web', 'https://app.example/callback#x', 'fragment'],
    ['web', 'https://app.example/callback#', 'fragment'],
    ['web', 'https://*.example/callback', 'wildcard'],
    ['web', 'http://app.example/callback', 'https'],
    ['web', 'http://localhost.app.example/callback', 'https'],
    ['web', 'com.example.app:/callback', 'native'],
    ['web', 'javascript:alert(1)', 'https'],
    ['web', '/callback', 'absolute'],
    ['web', 'https://user:pass@app.example/callback', 'password'],
    ['web', 'https://app.example/a/../callback', 'normal form'],
    ['web', 'https://APP.example/callback', 'normal form'],
    ['web', 'https:\\\\app.example\\callback', 'normal form'],
    ['web', 'https://app.example/\tcallback', 'normal form'],
    ['web', `https://app.example/${'a'.repeat(1000)}`, 'longer'],
    ['native', 'myapp:/callback', 'domain'],
    ['native', 'javascript:alert(1)', 'domain'],
    ['native', 'data:text/html,x', 'domain'],
    ['native', 'https://localhost/callback', 'loopback'],
    ['native', 'http://app.example/callback', 'https'],
  ] as const)('a %s app may not use %s', (type, uri, why) => {
    expect(redirectUriFault(uri, type)).toContain(why)
  })
})
