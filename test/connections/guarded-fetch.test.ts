import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { guardedFetch, type OutgoingOptions, OutgoingRefused } from '../../src/connections/guarded-fetch.ts'
import { isPublicAddress } from '../../src/connections/public-address.ts'
import { selfSigned, startSecureServer, startServer } from './web-server.ts'

const certificate = selfSigned('idp.internal')
const inside = await startServer((request, response) => {
  if (request.url === '/redirect-inside') response.writeHead(302, { location: '/secret' }).end()
  else if (request.url === '/large') response.end('x'.repeat(2_000))
  else if (request.url === '/gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
  else if (request.url === '/silent') response.writeHead(200).write('x')
  else if (request.url === '/echo') request.pipe(response)
  else if (request.url?.startsWith('/to?') === true)
    response.writeHead(302, { location: decodeURIComponent(request.url.slice('/to?'.length)) }).end()
  else if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end()
  else if (request.url === '/nothing') response.writeHead(204).end()
  else response.writeHead(200, { 'x-credentials': request.headers.authorization ?? 'none' }).end('secret')
})
const secure = await startSecureServer((_, response) => response.end('secret'), certificate)
const slow = await startServer((_, response) => {
  const drip = setInterval(() => response.write('x'), 20)
  response.on('close', () => clearInterval(drip))
})
afterAll(() => Promise.all([inside, secure, slow].map((one) => one.close())))

const isRefused = (message: RegExp) => ({ name: 'OutgoingRefused', message: expect.stringMatching(message) })
const answers = (...addresses: readonly string[]) => {
  const asked: string[] = []
  const lookUp = async (host: string) => {
    asked.push(host)
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  }
  return { asked, lookUp }
}
const local = answers('127.0.0.1').lookUp
/** Open to `http:` and this machine, for what is tested beside the addresses. */
const open = (more: OutgoingOptions = {}) =>
  guardedFetch({ allowPrivateAddressesInDevelopment: true, ...more })

describe('an address', () => {
  test.each([
    ...[
      '8.8.8.8',
      '1.1.1.1',
      '172.15.255.255',
      '172.32.0.0',
      '100.63.255.255',
      '100.128.0.0',
      '223.255.255.255',
    ],
    ...['2606:4700:4700::1111', '2a00:1450:4001:82a::200e', '::ffff:8.8.8.8', '2001:4860:4860::8888'],
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  test.each([
    ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.255.255.255', '169.254.169.254'],
    ...[
      '172.16.0.1',
      '172.31.255.255',
      '192.0.0.1',
      '192.0.2.1',
      '192.168.1.1',
      '198.18.0.1',
      '198.51.100.1',
    ],
    ...['203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '192.88.99.1'],
    ...['::', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', '::127.0.0.1'],
    ...['fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd00:ec2::254', 'fec0::1', 'ff02::1', '64:ff9b::7f00:1'],
    ...['2001::1', '2001:db8::1', '2002:7f00:1::', '3fff::1', '100::1', '5f00::1'],
    ...['', 'localhost', '127.1', '0177.0.0.1', '2130706433', '10.0.0.1/8', '1.2.3'],
  ])('%j is not', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })
})

describe('the guard refuses', () => {
  const hosts = [
    ...['127.0.0.1', 'localhost', '0.0.0.0', '[::]', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]'],
    ...['2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '017700000001', '127.1', '127.0.1', '0'],
    ...[
      '169.254.169.254',
      '[fd00:ec2::254]',
      '[fe80::1]',
      '10.0.0.1',
      '192.168.0.1',
      '１２７.0.0.1',
      '127。0。0。1',
    ],
    ...['[64:ff9b::7f00:1]', '[2002:7f00:1::]', '100.100.100.200'],
  ]
  test.each(hosts)('https://%s, before anything is sent', async (host) => {
    const before = secure.requests.length
    const sent = guardedFetch({ certificates: certificate.cert })(`https://${host}:${secure.port}/`)
    await expect(sent).rejects.toMatchObject(isRefused(/not reachable on the public network/))
    expect(secure.requests).toHaveLength(before)
  })

  test.each([
    [['127.0.0.1']],
    [['::ffff:127.0.0.1']],
    [['8.8.8.8', '10.0.0.1']],
    [['2606:4700:4700::1111', '::1']],
    [['169.254.169.254']],
    [[]],
  ])('a name that looks up to %j', async (addresses) => {
    const { lookUp, asked } = answers(...addresses)
    const sent = guardedFetch({ lookUp })(`https://idp.example:${secure.port}/`)
    await expect(sent).rejects.toMatchObject(
      isRefused(/^idp.example is not reachable on the public network$/),
    )
    expect(asked).toEqual(['idp.example'])
  })

  test('a name without an address in the words that a private one gets', async () => {
    const lookUp = async () => {
      throw new Error('getaddrinfo ENOTFOUND')
    }
    const sent = guardedFetch({ lookUp })('https://idp.example/')
    await expect(sent).rejects.toMatchObject(
      isRefused(/^idp.example is not reachable on the public network$/),
    )
  })

  test('a name that is public when looked at, and private when connected to (DNS rebinding)', async () => {
    const turns = [['192.88.98.1'], ['127.0.0.1'], ['127.0.0.1']]
    let asked = 0
    const lookUp = async () => (turns[asked++] ?? []).map((address) => ({ address, family: 4 }))
    const sent = guardedFetch({ lookUp, timeMsMax: 300, certificates: certificate.cert })(
      `https://idp.internal:${secure.port}/`,
    )
    const before = secure.requests.length
    await expect(sent).rejects.toMatchObject(isRefused(/could not be reached|in time/))
    expect(asked).toBe(1)
    expect(secure.requests).toHaveLength(before)
  })

  test.each([
    ['http://example.com/', /begins with http:/],
    ['ftp://example.com/', /begins with ftp:/],
    ['file:///etc/passwd', /begins with file:/],
    ['data:text/plain,x', /begins with data:/],
    ['https://ana:secret@example.com/', /credentials/],
  ])('%s', async (address, message) => {
    await expect(guardedFetch()(address)).rejects.toThrow(message)
  })

  test('a redirect to a private address, however it is written', async () => {
    const { lookUp } = answers('127.0.0.1')
    const guarded = guardedFetch({
      ...{ lookUp, hosts: [`idp.internal:${secure.port}`], certificates: certificate.cert },
    })
    for (const target of [
      `https://127.0.0.1:${secure.port}/`,
      'https://2130706433/',
      'http://idp.internal/',
    ]) {
      const redirecting = await startSecureServer(
        (_, response) => response.writeHead(302, { location: target }).end(),
        certificate,
      )
      const named = guardedFetch({
        ...{ lookUp, hosts: [`idp.internal:${redirecting.port}`], certificates: certificate.cert },
      })
      const sent = named(`https://idp.internal:${redirecting.port}/`)
      await expect(sent).rejects.toMatchObject(isRefused(/not reachable|begins with http:/))
      await redirecting.close()
    }
    expect(await (await guarded(`https://idp.internal:${secure.port}/`)).text()).toBe('secret')
  })
})

describe('by configuration', () => {
  const url = `https://idp.internal:${secure.port}/`
  const trusting = { lookUp: local, certificates: certificate.cert }

  test('a named host is let through, on all its ports or on one', async () => {
    for (const hosts of [['idp.internal'], [`idp.internal:${secure.port}`]])
      expect(await (await guardedFetch({ ...trusting, hosts })(url)).text()).toBe('secret')
  })

  test.each([[['idp.internal:1']], [['internal']], [['other.internal', 'xidp.internal']]])(
    '%j is another',
    async (hosts) => {
      await expect(guardedFetch({ ...trusting, hosts })(url)).rejects.toMatchObject(
        isRefused(/not reachable/),
      )
    },
  )

  test('a named host still needs a certificate of a known authority', async () => {
    const sent = guardedFetch({ lookUp: local, hosts: ['idp.internal'] })(url)
    await expect(sent).rejects.toMatchObject({
      ...isRefused(/could not be reached \(DEPTH_ZERO_SELF_SIGNED_CERT\)/),
      fix: expect.stringContaining('LATCHKEY_OUTGOING_CA'),
    })
  })

  test('a named host needs the certificate of its own name', async () => {
    const sent = guardedFetch({ ...trusting, hosts: ['other.internal'] })(
      `https://other.internal:${secure.port}/`,
    )
    await expect(sent).rejects.toMatchObject(isRefused(/ERR_TLS_CERT_ALTNAME_INVALID/))
  })

  test('everything is open in development', async () => {
    expect(await (await open()(inside.origin)).text()).toBe('secret')
  })
})

describe('what is sent and read', () => {
  test('a body goes as it is, and comes back', async () => {
    const answer = await open()(`${inside.origin}/echo`, {
      method: 'POST',
      body: new URLSearchParams({ a: 'ß' }),
    })
    expect(await answer.text()).toBe('a=%C3%9F')
  })

  test('an answer without a body is one', async () => {
    const answer = await open()(`${inside.origin}/nothing`)
    expect([answer.status, await answer.text()]).toEqual([204, ''])
  })

  test('an answer larger than the bound is refused', async () => {
    expect((await (await open({ bytesMax: 2_000 })(`${inside.origin}/large`)).text()).length).toBe(2_000)
    const sent = open({ bytesMax: 1_999 })(`${inside.origin}/large`)
    await expect(sent).rejects.toMatchObject(isRefused(/more than 1999 bytes/))
  })

  test('an answer that would have to be unpacked is refused', async () => {
    await expect(open()(`${inside.origin}/gzip`)).rejects.toMatchObject(isRefused(/answers in gzip/))
  })

  test.each(['/silent', '/drip'])('a body that does not end is given up: %s', async (path) => {
    const { origin } = path === '/drip' ? slow : inside
    const sent = open({ timeMsMax: 200 })(origin + path)
    await expect(sent).rejects.toMatchObject(isRefused(/did not answer in time/))
  })

  test('a look-up that does not end is given up', async () => {
    const lookUp = async () => {
      await wait(2_000, undefined, { ref: false })
      return []
    }
    const sent = guardedFetch({ lookUp, timeMsMax: 100 })('https://idp.example/')
    await expect(sent).rejects.toMatchObject(isRefused(/did not answer in time/))
  })

  test("the caller's own signal ends it", async () => {
    const sent = open()(`${inside.origin}/silent`, { signal: AbortSignal.timeout(50) })
    await expect(sent).rejects.toBeInstanceOf(OutgoingRefused)
  })
})

describe('a redirect', () => {
  test('is followed within the bound, and given back where the caller asks so', async () => {
    expect(await (await open()(`${inside.origin}/redirect-inside`)).text()).toBe('secret')
    const answer = await open()(`${inside.origin}/redirect-inside`, { redirect: 'manual' })
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/secret'])
  })

  test.each([
    ['in a circle', '/loop', {}],
    ['where none is wanted', '/redirect-inside', { redirect: 'error' as const }],
    ['of what carries a body', '/redirect-inside', { method: 'POST', body: 'x' }],
  ])('%s is refused', async (_, path, init) => {
    await expect(open()(inside.origin + path, init)).rejects.toMatchObject(isRefused(/redirects to another/))
  })

  test('takes no credentials to another origin', async () => {
    const other = await startServer((request, response) =>
      response.end(request.headers.authorization ?? 'none'),
    )
    const headers = { authorization: 'Bearer secret' }
    const away = await open()(`${inside.origin}/to?${encodeURIComponent(other.origin)}`, { headers })
    expect(await away.text()).toBe('none')
    const here = await open()(`${inside.origin}/to?%2Fsecret`, { headers })
    expect(here.headers.get('x-credentials')).toBe('Bearer secret')
    await other.close()
  })
})
