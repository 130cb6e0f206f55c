import { describe, expect, test } from 'vitest'
import { maskSecrets } from '../../src/sdk/mask-secrets.ts'

const random = 'q7Zk_9-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5'
const ulid = '01jz8x6v0kq3m5n7p9r1s3t501'

describe('what is said of a request', () => {
  test.each([
    ['a client secret', `lk_live_${ulid}_q7Zk9aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5abcdef`],
    ['an access token', `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJrZXkifQ.${random}`],
    ['an initial access token', `lki_${random}`],
    ['the secret of an app that registered itself', `lka_${random}`],
    ['a mailed link', `${ulid}.${random}`],
  ])('does not say %s again', (_what, secret) => {
    const said = maskSecrets(`nothing at /api/v1/services/${secret}?x=1`)
    expect(said).not.toContain(secret.slice(-20))
    expect(said).toMatch(/^nothing at .*\?x=1$/)
  })

  test('still names what is no secret', () => {
    const text = `nothing at /clinic/login/${ulid}: svc_${ulid}, key_${ulid}, id.example.org`
    expect(maskSecrets(text)).toBe(text)
  })
})
