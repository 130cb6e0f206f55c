import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stores } from '../contract/stores.ts'
import { appUri } from '../oauth/app.ts'
import { type Bearers, email, organizationName, useEverything } from './bearers.ts'
import { Operator, send } from './client.ts'
import { emptyPlace, freePort, newDeploymentSecret } from './deployment.ts'
import { type Dump, dumpStore, findIn } from './dump.ts'
import { type ServerProcess, startServer } from './processes.ts'

/** What the protocols, and we, put into addresses, by what stands before it; each is good once, or not alone. */
const inAddresses: readonly (readonly [name: RegExp, before: RegExp])[] = [
  // RFC 6749 §4.1: good once, and for the app alone.
  [/^code$/, new RegExp(`^${appUri}\\?code=$`)],
  [/^state$/, /\/clinic\/oauth\/authorize\?.*&state=$/],
  [/^state$/, new RegExp(`^${appUri}\\?.*&state=$`)],
  // RFC 9126 §2.2: good for the app's next request alone.
  [/^request URI$/, /\/clinic\/oauth\/authorize\?request_uri=$/],
  [
    /^end of the request URI$/,
    /\/clinic\/oauth\/authorize\?request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A$/,
  ],
  // RFC 8628 §3.3.1.
  [/^user code$/, /\/clinic\/device\?user_code=$/],
  // Mailed, and good once.
  [/^invitation link$/, /\?link=$/],
  // The same at an organization's own provider.
  [/^upstream state$/, /\/auth\?.*&state=$/],
  [/^upstream (state|code)$/, /\/connections\/con_\w+\/callback\?(.*&)?(state|code)=$/],
  // Which sign-in it is: without its cookie's signature it is nothing.
  [/^cookie latchkey_(interaction|resume)_clinic$/, /\/clinic\/(login|oauth\/authorize|device)\/$/],
]

describe.each(stores.filter(({ isShared }) => isShared))('what lets its bearer in: $name', (kind) => {
  const undo: (() => Promise<unknown>)[] = []
  const planted = `planted-${crypto.randomUUID()}`
  let server: ServerProcess
  let bearers: Bearers
  let dumps: readonly Dump[]
  beforeAll(async () => {
    const place = await kind.newPlace()
    undo.unshift(place.drop)
    const { folder, drop } = await emptyPlace()
    undo.push(drop)
    const [port, secret] = [String(await freePort()), newDeploymentSecret()]
    server = await startServer({
      LATCHKEY_ORIGIN: `http://127.0.0.1:${port}`,
      LATCHKEY_PORT: port,
      LATCHKEY_STORE: place.address,
      LATCHKEY_DATA: folder,
      LATCHKEY_SECRETS: secret,
      LATCHKEY_LOG_LEVEL: 'debug',
      LATCHKEY_ALLOW_PRIVATE_ADDRESSES_IN_DEVELOPMENT: 'true',
    })
    undo.unshift(() => server.stop())
    const operator = await Operator.at(server.address, folder)
    const { values, addresses } = await useEverything(operator)
    bearers = { values: new Map([...values, ["deployment's secret", secret]]), addresses }
    for (const encoding of ['utf8', 'base64', 'hex'] as const)
      await operator.makeOrganization(Buffer.from(planted).toString(encoding))
    const running = await dumpStore(place.address)
    for (const name of sentAstray) await astray(name)
    await server.stop()
    dumps = [running, await dumpStore(place.address)]
  }, 120_000)
  afterAll(async () => {
    for (const one of undo) await one()
  })

  /** By shapes of their own these are known wherever they come. */
  const sentAstray = [
    'client secret',
    'initial access token',
    "registered app's client secret",
    "person's token",
    'invitation link',
  ]
  /** Where none belongs: in the path of an address that nothing is at. */
  const astray = (name: string) => send(server.address, 'GET', `/clinic/nowhere/${bearers.values.get(name)}`)

  test('is in no dump of the store, while the server runs and when it has stopped', () => {
    for (const dump of dumps) expect(findIn(dump, bearers.values)).toEqual([])
  })

  test('would be found there, whatever it is written as', () => {
    const known = new Map([
      ['planted', planted],
      ['name', organizationName],
      ['email', email],
    ])
    for (const dump of dumps) {
      const found = findIn(dump, known)
      for (const what of ['planted, raw,', 'planted, base64,', 'planted, hex,', 'name, raw,', 'email, raw,'])
        expect(found).toContainEqual(expect.stringContaining(`${what} in `))
    }
  })

  test('is in no line of the log, not even where it was sent astray', () => {
    const log: Dump = new Map([['the log', Buffer.from(server.lines.join('\n'))]])
    expect(findIn(log, bearers.values)).toEqual([])
    expect(findIn(log, new Map([['path', '/clinic/nowhere/']]))).toContain('path, raw, in the log')
  })

  test('is in no address that anybody is sent to, but for what is named here', () => {
    const seen = new Set<RegExp>()
    const others: string[] = []
    for (const [name, value] of bearers.values)
      for (const address of bearers.addresses)
        for (const before of beforeEach(address, value)) {
          const known = inAddresses.find(
            ([what, where]) => what.test(name.replace(/ \d+$/, '')) && where.test(before),
          )
          if (known === undefined) others.push(`${name} in ${address}`)
          else seen.add(known[1])
        }
    expect(others).toEqual([])
    expect([...seen].toSorted()).toEqual(inAddresses.map(([, where]) => where).toSorted())
  })
})

/** What stands before the value, wherever it stands in the address. */
function beforeEach(address: string, value: string): readonly string[] {
  return [...new Set([value, encodeURIComponent(value)])].flatMap((text) => {
    const parts = address.split(text)
    return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join(text))
  })
}
