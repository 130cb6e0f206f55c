import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const folder = new URL('../../examples/gateways/', import.meta.url)
const read = (path: string) => readFile(new URL(path, folder), 'utf8')

/** What `latchkey guard` sets, and a client must not. */
const handedOn = ['Path', 'Decision', 'Operation', 'Subject', 'Client', 'Organization', 'Identity'].map(
  (name) => `X-Latchkey-${name}`,
)
const overrides = [
  'X-HTTP-Method-Override',
  'X-HTTP-Method',
  'X-Method-Override',
  'X-Original-URL',
  'X-Rewrite-URL',
]

describe('the examples that are not started', () => {
  test('say so', async () => {
    for (const path of ['traefik/traefik.yml', 'envoy/envoy.yaml'])
      expect(await read(path)).toContain('not run by this project')
  })

  test('Traefik takes the client’s headers away, then asks the guard, then sets them anew', async () => {
    const { http } = z
      .object({
        http: z.object({
          routers: z.record(z.string(), z.object({ middlewares: z.array(z.string()) })),
          middlewares: z.object({
            clean: z.object({
              headers: z.object({ customRequestHeaders: z.record(z.string(), z.string()) }),
            }),
            latchkey: z.object({
              forwardAuth: z.strictObject({
                address: z.url(),
                trustForwardHeader: z.literal(false),
                authResponseHeadersRegex: z.string(),
              }),
            }),
          }),
        }),
      })
      .parse(parse(await read('traefik/dynamic.yml')))
    expect(Object.values(http.routers).map(({ middlewares }) => middlewares)).toEqual([['clean', 'latchkey']])
    const { clean, latchkey } = http.middlewares
    const taken = Object.entries(clean.headers.customRequestHeaders).filter(([, value]) => value === '')
    expect(taken.map(([name]) => name)).toEqual(expect.arrayContaining([...handedOn, ...overrides]))
    const { authResponseHeadersRegex: pattern, address } = latchkey.forwardAuth
    expect(new URL(address).pathname).toBe('/forward-auth')
    // Go's `(?i)` is a flag here.
    const anew = new RegExp(pattern.replace('(?i)', ''), 'i')
    for (const name of handedOn) {
      expect(name).toMatch(anew)
      expect(name.replaceAll('-', '_')).toMatch(anew)
    }
    expect(parse(await read('traefik/traefik.yml'))).toMatchObject({
      entryPoints: { api: { http: { sanitizePath: false } } },
    })
  })

  test('Envoy takes the client’s headers away, then asks the guard, and is closed without it', async () => {
    const { static_resources: resources } = z
      .object({
        static_resources: z.object({
          listeners: z.tuple([
            z.object({
              filter_chains: z.tuple([
                z.object({ filters: z.tuple([z.object({ typed_config: z.json() })]) }),
              ]),
            }),
          ]),
          clusters: z.array(z.object({ name: z.string() })),
        }),
      })
      .parse(parse(await read('envoy/envoy.yaml')))
    const manager = z
      .looseObject({ http_filters: z.array(z.object({ name: z.string(), typed_config: z.json() })) })
      .parse(resources.listeners[0].filter_chains[0].filters[0].typed_config)
    expect(manager).toMatchObject({
      ...{ normalize_path: false, merge_slashes: false, path_with_escaped_slashes_action: 'KEEP_UNCHANGED' },
      common_http_protocol_options: { headers_with_underscores_action: 'DROP_HEADER' },
    })
    const [clean, guard, router] = manager.http_filters
    expect([clean?.name, guard?.name, router?.name]).toEqual(
      ['lua', 'ext_authz', 'router'].map((name) => `envoy.filters.http.${name}`),
    )
    for (const name of overrides) expect(JSON.stringify(clean)).toContain(name.toLowerCase())
    expect(guard?.typed_config).toMatchObject({
      failure_mode_allow: false,
      http_service: { path_prefix: '/forward-auth', server_uri: { cluster: 'latchkey_guard' } },
    })
    expect(resources.clusters.map(({ name }) => name)).toEqual(['latchkey_guard', 'api'])
  })
})

describe('what nginx cannot take away by a pattern', () => {
  test('is named: each header of the guard, for the API and for the guard', async () => {
    const text = await read('nginx/nginx.conf')
    for (const name of handedOn) {
      const set = Array.from(
        text.matchAll(new RegExp(`proxy_set_header ${name} (\\S+);`, 'g')),
        ([, to]) => to,
      )
      expect([name, set]).toEqual([name, [expect.stringMatching(/^\$latchkey_/), '""']])
    }
  })
})
