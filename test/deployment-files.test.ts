import { execFile } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { parseConfig } from '../src/config.ts'

const root = new URL('..', import.meta.url)
const read = (path: string) => readFile(new URL(path, root), 'utf8')
const isThere = (path: string) => existsSync(new URL(path, root))

const Compose = z.object({
  services: z.object({
    latchkey: z.object({
      build: z.string(),
      environment: z.record(z.string(), z.string()),
      volumes: z.array(z.string()),
      depends_on: z.object({ mongodb: z.object({ condition: z.literal('service_healthy') }) }),
    }),
    mongodb: z.object({
      command: z.array(z.string()),
      healthcheck: z.object({ test: z.array(z.string()) }),
      ports: z.undefined().optional(),
    }),
  }),
  volumes: z.record(z.string(), z.unknown()),
})

describe('docker-compose.yml', async () => {
  const { services, volumes } = Compose.parse(parse(await read('docker-compose.yml')))
  const { latchkey, mongodb } = services

  test('refuses to start without the deployment secret, and says how to make one', () => {
    expect(latchkey.environment['LATCHKEY_SECRETS']).toMatch(/^\$\{LATCHKEY_SECRETS:\?.*openssl rand/)
  })

  test('gives Latchkey nothing that its configuration refuses', () => {
    const given = Object.entries(latchkey.environment).map(([name, value]) => [
      name,
      // As Compose fills it in where the variable is not set.
      value.replace(/^\$\{\w+:\?.*\}$/s, 'c2VjcmV0').replace(/^\$\{\w+:-(.*)\}$/s, '$1'),
    ])
    const config = parseConfig(Object.fromEntries(given))
    expect(config.store).toMatchObject({ kind: 'mongodb' })
    expect(config.origin).toBe('http://localhost:7700')
  })

  test('makes the replica set that the store names', () => {
    const name = mongodb.command[mongodb.command.indexOf('--replSet') + 1]
    expect(latchkey.environment['LATCHKEY_STORE']).toContain(`replicaSet=${name}`)
    expect(mongodb.healthcheck.test.at(-1)).toContain(`_id: '${name}'`)
  })

  test('keeps what must be kept in volumes that it declares', () => {
    for (const volume of latchkey.volumes) expect(Object.keys(volumes)).toContain(volume.split(':')[0])
  })
})

describe('Dockerfile', async () => {
  const lines = (await read('Dockerfile')).split('\n')
  const copied = lines
    .filter((line) => line.startsWith('COPY '))
    .flatMap((line) => line.split(' ').slice(1, -1))

  test('copies only what exists, and what .dockerignore lets through', async () => {
    const letThrough = (await read('.dockerignore')).split('\n').filter((line) => line.startsWith('!'))
    expect(copied.length).toBeGreaterThan(0)
    for (const path of copied) {
      expect(isThere(path), path).toBe(true)
      expect(letThrough).toContain(`!${path}`)
    }
  })

  test('copies every folder that the running server reads', () => {
    expect(copied).toEqual(expect.arrayContaining(['src', 'adapters', 'views']))
  })

  test('runs a file that it has copied, and not as root', () => {
    expect(lines).toContain('CMD ["node", "src/main.ts"]')
    expect(isThere('src/main.ts')).toBe(true)
    expect(lines).toContain('USER node')
  })
})

describe('.ci/run', () => {
  test('can be run, and is Bash that parses', async () => {
    const path = new URL('.ci/run', root)
    expect(statSync(path).mode & 0o111).not.toBe(0)
    await promisify(execFile)('bash', ['-n', path.pathname])
  })
})
