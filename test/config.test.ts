import { describe, expect, test } from 'vitest'
import { parseConfig } from '../src/config.ts'

describe('configuration', () => {
  test('needs nothing: every setting has a safe default', () => {
    expect(parseConfig({ PATH: '/bin', HOME: '/root' })).toEqual({
      origin: 'http://localhost:7700',
      host: '127.0.0.1',
      port: 7700,
      dataFolder: './data',
      store: { kind: 'sqlite', path: './data/latchkey.db' },
      secrets: undefined,
      workers: 1,
      trustedProxies: 0,
      nameServers: undefined,
      logLevel: 'info',
      tokensPerKeyPerMinute: 6000,
      tokensPerAddressPerMinute: 12000,
      apiCallsPerMinute: 3000,
      guardCallsPerMinute: 600_000,
      decisionsPerOrganizationPerMinute: 6000,
      decisionsKeptDays: 30,
      decisionLog: 'off',
      outgoing: { hosts: [], certificatesFile: undefined, allowPrivateAddressesInDevelopment: false },
    })
  })

  test('is refused whole: every fault and every unknown variable is told at once', () => {
    const refused = () =>
      parseConfig({
        LATCHKEY_ORIGIN: 'https://id.example.com/',
        LATCHKEY_PROT: '80',
        LATCHKEY_PORT: '99999',
        LATCHKEY_STORE: 'mysql://db',
        LATCHKEY_WORKERS: '-1',
      })
    for (const named of [
      'LATCHKEY_ORIGIN',
      'LATCHKEY_PROT',
      'LATCHKEY_PORT',
      'LATCHKEY_STORE',
      'LATCHKEY_WORKERS',
    ]) {
      expect(refused).toThrow(named)
    }
  })

  test('takes the names of hosts that outgoing requests may reach, with or without a port', () => {
    const hosts = (text: string) => parseConfig({ LATCHKEY_OUTGOING_HOSTS: text }).outgoing.hosts
    expect(hosts('IdP.internal, localhost:9000,[::1]:1')).toEqual([
      'idp.internal',
      'localhost:9000',
      '[::1]:1',
    ])
    for (const wrong of ['*', '*.internal', 'https://idp.internal', 'idp.internal/x', 'a,,b', 'a:0', 'a:'])
      expect(() => hosts(wrong)).toThrow('LATCHKEY_OUTGOING_HOSTS')
  })

  test('takes a mail server with a sender, over TLS unless it is this machine or told otherwise', () => {
    const smtp = (more: Record<string, string>) =>
      parseConfig({ LATCHKEY_MAIL_FROM: 'Clinic <id@clinic.example>', ...more }).smtp
    const from = 'Clinic <id@clinic.example>'
    expect(smtp({ LATCHKEY_SMTP_URL: 'smtp://u:p@mail.example' })).toEqual({
      ...{ url: 'smtp://u:p@mail.example', from, allowWithoutTls: false },
    })
    expect(smtp({ LATCHKEY_SMTP_URL: 'smtp://localhost:1025' })?.allowWithoutTls).toBe(true)
    const allowed = { LATCHKEY_ALLOW_SMTP_WITHOUT_TLS: 'true' }
    expect(smtp({ LATCHKEY_SMTP_URL: 'smtp://mail.example', ...allowed })?.allowWithoutTls).toBe(true)
    expect(() => smtp({})).toThrow('LATCHKEY_SMTP_URL')
    expect(() => parseConfig({ LATCHKEY_SMTP_URL: 'smtp://mail.example' })).toThrow('LATCHKEY_MAIL_FROM')
    for (const wrong of ['mail.example', 'https://mail.example', 'smtp:'])
      expect(() => smtp({ LATCHKEY_SMTP_URL: wrong })).toThrow('LATCHKEY_SMTP_URL')
    for (const wrong of ['Clinic', 'a@b.example, c@d.example', 'a@b.example\nBcc: c@d.example'])
      expect(() => parseConfig({ LATCHKEY_MAIL_FROM: wrong })).toThrow('LATCHKEY_MAIL_FROM')
  })

  test('never repeats a value, which may be a secret or hold a password', () => {
    const canary = 'canary-of-the-configuration'
    const refused = () =>
      parseConfig({
        LATCHKEY_STORE: `mysql://root:${canary}@db`,
        LATCHKEY_SECRETS: canary,
        LATCHKEY_PORT: canary,
      })
    expect(refused).toThrow('LATCHKEY_STORE')
    expect(refused).not.toThrow(canary)
  })

  test('lets a plain-HTTP origin pass on loopback alone, or by the long setting', () => {
    const origin = 'http://id.example.com'
    expect(parseConfig({ LATCHKEY_ORIGIN: 'http://127.0.0.1:8080' }).origin).toBe('http://127.0.0.1:8080')
    expect(() => parseConfig({ LATCHKEY_ORIGIN: origin })).toThrow('must be https')
    expect(
      parseConfig({ LATCHKEY_ORIGIN: origin, LATCHKEY_ALLOW_HTTP_ORIGIN_IN_DEVELOPMENT: 'true' }).origin,
    ).toBe(origin)
  })

  test("passes over the command's own variables and empty ones", () => {
    expect(parseConfig({ LATCHKEY_CLI_SERVER: 'https://id.example.com', LATCHKEY_ORIGIN: '' }).port).toBe(
      7700,
    )
  })

  test('takes name servers by address alone, each with a port if need be', () => {
    const servers = (text: string) => parseConfig({ LATCHKEY_NAME_SERVERS: text }).nameServers
    expect(servers('10.0.0.53, [2001:db8::53]:5353')).toEqual(['10.0.0.53', '[2001:db8::53]:5353'])
    for (const text of ['ns.example.com', '10.0.0.53:99999', '10.0.0.53,'])
      expect(() => servers(text), text).toThrow('must be IP addresses')
  })

  test('reads secrets newest first', () => {
    expect(parseConfig({ LATCHKEY_SECRETS: 'new, old' }).secrets).toEqual(['new', 'old'])
  })
})
