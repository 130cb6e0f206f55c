import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { Operator, objectIn, send, tokenOf } from './client.ts'
import { type EmptyPlace, emptyPlace, freePort, newDeploymentSecret } from './deployment.ts'
import { type ServerProcess, startServer } from './processes.ts'

const places: EmptyPlace[] = []
afterAll(async () => {
  for (const place of places) await place.drop()
})

/** A server on a place of its own, stopped when the test ends. */
async function serverOn(
  place: EmptyPlace,
  more: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const { store, folder } = place
  const port = String(await freePort())
  const server = await startServer({
    LATCHKEY_PORT: port,
    LATCHKEY_ORIGIN: `http://127.0.0.1:${port}`,
    LATCHKEY_DATA: folder,
    LATCHKEY_STORE: store.kind === 'sqlite' ? `sqlite:${store.path}` : store.url,
    LATCHKEY_SECRETS: newDeploymentSecret(),
    ...more,
  })
  onTestFinished(async () => {
    await server.stop()
  })
  return server
}

async function newPlace(): Promise<EmptyPlace> {
  const place = await emptyPlace()
  places.push(place)
  return place
}

/** The processes that have said that they are ready, oldest first. */
function readyPids({ lines }: ServerProcess): readonly number[] {
  return lines
    .map(objectIn)
    .filter(({ msg }) => msg === 'Latchkey is ready')
    .map(({ pid }) => Number(pid))
}

describe('LATCHKEY_WORKERS', () => {
  test('so many processes serve one port; one that dies is started again; SIGTERM ends them all with 0', async () => {
    const place = await newPlace()
    const server = await serverOn(place, { LATCHKEY_WORKERS: '2' })
    const [first = 0, second = 0] = readyPids(server)
    expect(new Set([server.pid, first, second]).size).toBe(3)
    const operator = await Operator.at(server.address, place.folder)
    await operator.importClinic()

    process.kill(first, 'SIGKILL')
    await expect.poll(() => readyPids(server).length, { timeout: 15_000 }).toBe(3)
    expect(server.lines.filter((line) => line.includes('it is started again'))).toHaveLength(1)
    const key = await operator.makeKey(operator.organizationId, { role: 'viewer' })
    for (let i = 0; i < 8; i++) expect(await tokenOf(server.address, key, 'clinic')).toMatch(/^eyJ/)

    expect(await server.stop()).toBe(0)
    for (const pid of readyPids(server)) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })
})

describe('SIGTERM', () => {
  test('lets a request under way finish, takes no new one, and ends with 0', async () => {
    const place = await newPlace()
    const server = await serverOn(place)
    const operator = await Operator.at(server.address, place.folder)
    const body = JSON.stringify({ name: 'Made at the last moment' })
    const underWay = request(`${server.address}/api/v1/organizations`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await operator.token()}`,
        'content-type': 'application/json',
        'content-length': body.length,
      },
    })
    const answered = once(underWay, 'response')
    await new Promise((resolve) => underWay.write(body.slice(0, 10), resolve))
    // What came after it has been answered, so it has begun: stopping meets a request under way.
    await expect.poll(async () => (await send(server.address, 'GET', '/healthz')).status).toBe(200)
    const ended = server.stop()
    await expect.poll(() => send(server.address, 'GET', '/healthz').catch(() => 'refused')).toBe('refused')
    underWay.end(body.slice(10))
    const [answer] = await answered
    expect(answer.statusCode).toBe(201)
    expect(await ended).toBe(0)
  })

  test('ends the streams that guards follow at once', async () => {
    const place = await newPlace()
    const server = await serverOn(place)
    const operator = await Operator.at(server.address, place.folder)
    await operator.importClinic()
    const guard = await operator.guard(await operator.makeGuardKey())
    onTestFinished(() => guard.close())
    await expect.poll(() => guard.state().kind).toBe('following')
    const startMs = performance.now()
    expect(await server.stop()).toBe(0)
    // The grace for requests under way is ten seconds: a stream is none.
    expect(performance.now() - startMs).toBeLessThan(8_000)
  })
})

describe('a process without what it needs', () => {
  test('says every fault of its configuration, and what to do, and ends with 1', async () => {
    const { folder } = await newPlace()
    const start = startServer({ LATCHKEY_DATA: folder, LATCHKEY_WORKERS: 'many', LATCHKEY_WROKERS: '2' })
    await expect(start).rejects.toThrow(/LATCHKEY_WORKERS[\s\S]*must be|must be[\s\S]*LATCHKEY_WORKERS/)
    await expect(start).rejects.toThrow(/LATCHKEY_WROKERS/)
  })
})

test('says on /healthz that it is up, and on /readyz that it can be sent requests', async () => {
  const server = await serverOn(await newPlace())
  for (const path of ['/healthz', '/readyz']) {
    const { status, headers } = await send(server.address, 'GET', path)
    expect([path, status]).toEqual([path, 200])
    expect(headers.get('x-request-id')).toMatch(/^req_/)
  }
  expect((await send(server.address, 'POST', '/healthz')).status).toBe(405)
  expect((await send(server.address, 'GET', '/healthz/more')).status).toBe(404)
})
