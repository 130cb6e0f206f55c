// What is changed at one node: how long until another node, and guards that follow that other one, answer by it. A key is
// revoked; a role is taken what it allows, and given it back.
import { setTimeout as pause } from 'node:timers/promises'
import { createGuard } from '../../src/sdk/index.ts'
import {
  importService,
  type Node,
  type Operator,
  operatorOf,
  type Place,
  seedKeys,
  startNode,
  tokenFor,
} from './deployment.ts'
import { fromNginx, guardKey, startGuardProcess } from './guard-process.ts'
import { largeDocument } from './large-document.ts'
import { quantile, type Row } from './table.ts'

const rounds = 60
const hopelessMs = 5_000
/** Asked so often that the answer's time is known well enough, so seldom that asking does not hold up what is measured. */
const askAgainMs = 5
const asked = { operation: 'getThing0', method: 'GET', url: '/orgs/acme/things-0' }
/** What the role names while it may not do what is asked. */
const otherOperation = 'getThing2'

/** Somebody who says whether a token may do what is asked. */
interface Answering {
  readonly name: string
  allows(token: string): Promise<boolean>
  stop(): Promise<void>
}

interface Bench {
  readonly operator: Operator
  /** Of the service at the node that follows. */
  readonly issuer: string
  readonly guards: readonly Answering[]
  /** Milliseconds, by who answered to what. */
  readonly samples: Map<string, number[]>
}

export async function measureRevocation(place: Place): Promise<readonly Row[]> {
  const one = await startNode(place)
  const other = await startNode(place, { origin: one.origin })
  const operator = await operatorOf(place, one)
  const guards: Answering[] = []
  try {
    const { id: serviceId } = await importService(operator, 'bench', documentText())
    guards.push(await guardInTheApi(operator, other), await guardBesideTheGateway(operator, other))
    const bench = { operator, issuer: `${other.listensAt}/bench`, guards, samples: new Map() }
    const owner = { organizationId: operator.organizationId, serviceId }
    await measureRevoked(bench, await seedKeys(place, { ...owner, role: 'reader' }, rounds))
    const role = await makeRole(operator)
    const [client = ''] = await seedKeys(place, { ...owner, role }, 1)
    await measureRoleChanges(bench, role, client)
    return [...bench.samples].map(([what, samples]) => rowOf(what, place, samples))
  } finally {
    await Promise.all([...guards, one, other].map((running) => running.stop()))
  }
}

function documentText(): string {
  const document = JSON.parse(largeDocument(undefined).text) as object
  const allow = [{ operations: [asked.operation, otherOperation] }]
  const roles = { reader: { description: 'Reads', grantable: true, allow } }
  return JSON.stringify({ ...document, 'x-latchkey-roles': roles })
}

async function guardInTheApi(operator: Operator, { listensAt }: Node): Promise<Answering> {
  const { secret } = await guardKey(operator, 'bench')
  const guard = createGuard({ latchkey: listensAt, service: 'bench', key: secret })
  await guard.ready()
  return {
    name: 'a guard in the API',
    allows: async (token) => {
      const { method, url } = asked
      const { status } = await guard.check({ method, url, authorization: `Bearer ${token}` })
      return isYes(status)
    },
    stop: () => guard.close(),
  }
}

async function guardBesideTheGateway(operator: Operator, { listensAt }: Node): Promise<Answering> {
  const { secret } = await guardKey(operator, 'bench')
  const started = await startGuardProcess({ server: listensAt, service: 'bench', secret })
  return {
    name: '`latchkey guard`',
    allows: async (token) => {
      const headers = fromNginx(asked.method, asked.url, token)
      const response = await fetch(started.forwardAuth, { headers })
      await response.arrayBuffer()
      return isYes(response.status)
    },
    stop: () =>
      new Promise((resolve) => {
        started.process.once('exit', () => resolve())
        started.process.kill('SIGTERM')
      }),
  }
}

/** @throws {Error} for an answer that says neither: a guard that is cut off refuses everybody */
function isYes(status: number): boolean {
  if (status !== 200 && status !== 401 && status !== 403) throw new Error(`a guard answered ${status}`)
  return status === 200
}

async function measureRevoked(bench: Bench, clients: readonly string[]): Promise<void> {
  const { operator, issuer, guards } = bench
  for (const client of clients) {
    const [keyId = '', secret = ''] = client.split(':')
    const token = await tokenFor(issuer, keyId, secret)
    await allAllow(guards, token)
    await operator.call('POST', `/organizations/${operator.organizationId}/keys/${keyId}/revoke`, {})
    const another = { name: 'another node', isSo: async () => !(await givesToken(issuer, keyId, secret)) }
    await noteTimes(bench, 'key revoked at one node, refused', [another, ...answersOf(guards, token, false)])
  }
}

async function measureRoleChanges(bench: Bench, role: string, client: string): Promise<void> {
  const { operator, issuer, guards } = bench
  const [keyId = '', secret = ''] = client.split(':')
  const token = await tokenFor(issuer, keyId, secret)
  await allAllow(guards, token)
  const replace = (operation: string) =>
    operator.call('PUT', `/organizations/${operator.organizationId}/roles/${role}`, roleOf(operation))
  for (let i = 0; i < rounds; i++) {
    await replace(otherOperation)
    await noteTimes(bench, 'role narrowed at one node, refused', answersOf(guards, token, false))
    await replace(asked.operation)
    await noteTimes(bench, 'role widened at one node, allowed', answersOf(guards, token, true))
  }
}

async function makeRole({ organizationId, call }: Operator): Promise<string> {
  const body = { service: 'bench', ...roleOf(asked.operation) }
  return String((await call('POST', `/organizations/${organizationId}/roles`, body))['id'])
}

function roleOf(operation: string): object {
  return { name: 'Changing', description: '', allow: [{ operations: [operation] }] }
}

/** @throws {Error} where one of them refuses: nothing was changed yet */
async function allAllow(guards: readonly Answering[], token: string): Promise<void> {
  for (const { name, allows } of guards)
    if (!(await allows(token))) throw new Error(`${name} refuses what nobody has taken away`)
}

interface Awaited {
  readonly name: string
  isSo(): Promise<boolean>
}

function answersOf(guards: readonly Answering[], token: string, wanted: boolean): readonly Awaited[] {
  return guards.map(({ name, allows }) => ({ name, isSo: async () => (await allows(token)) === wanted }))
}

/** How long from now until each of them answers by what was just changed. */
async function noteTimes({ samples }: Bench, change: string, several: readonly Awaited[]): Promise<void> {
  const changedAt = performance.now()
  const note = async ({ name, isSo }: Awaited): Promise<void> => {
    const what = `${change} by ${name}`
    const times = samples.get(what) ?? []
    samples.set(what, times)
    while (!(await isSo())) {
      if (performance.now() - changedAt > hopelessMs) throw new Error(`${what}: not within ${hopelessMs} ms`)
      await pause(askAgainMs)
    }
    times.push(performance.now() - changedAt)
  }
  await Promise.all(several.map(note))
}

async function givesToken(issuer: string, clientId: string, secret: string): Promise<boolean> {
  return tokenFor(issuer, clientId, secret).then(
    () => true,
    () => false,
  )
}

function rowOf(what: string, place: Place, samples: readonly number[]): Row {
  const [p50, p99] = [quantile(samples, 0.5), quantile(samples, 0.99)]
  return {
    what: `${what}, ${place.name}`,
    figure: `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms (${samples.length} times)`,
    bar: 'p99 < 1,000 ms',
    met: p99 < 1_000,
  }
}
