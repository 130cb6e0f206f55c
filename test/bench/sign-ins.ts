// People sign in with their passwords, eight at once and again and again: how long the server's event loop stands still,
// and how long another request waits meanwhile.

import { setTimeout as pause } from 'node:timers/promises'
import { Browser } from '../oauth/browser.ts'
import { apiScope } from './app-answers.ts'
import { type Place, startNode } from './deployment.ts'
import { authorizationUrl, codeIn } from './load-flows.ts'
import type { Lag } from './loop-lag.ts'
import { password, type Returning, signInPeople } from './people-at.ts'
import { repeat } from './repeat.ts'
import type { Row } from './table.ts'

const lagMsMax = 20
const restMs = 2_000
const pauseMs = 20

export async function measureSignIns(place: Place, seconds: number): Promise<readonly Row[]> {
  const node = await startNode(place, { preload: 'loop-lag.ts' })
  const { app, people } = await signInPeople(place, node)
  const url = authorizationUrl(app, apiScope)
  const signIn = async (connection: number) => signsIn(people[connection % people.length], node.origin, url)
  await repeat(signIn, people.length, 1)
  // What the machine itself does to timers, with nobody at the server.
  await node.ask('begin')
  await pause(restMs)
  const rest = (await node.ask('begin')) as Lag
  const [signIns, others] = await Promise.all([
    repeat(signIn, people.length, seconds),
    repeat(() => another(node.origin), 1, seconds),
  ])
  const lag = (await node.ask('end')) as Lag
  await node.stop()
  const errors = signIns.errors + others.errors
  return [
    {
      what: `event-loop lag under ${people.length} parallel sign-ins with passwords, ${place.name}`,
      figure:
        `p50 ${lag.p50Ms.toFixed(1)} ms, p99 ${lag.p99Ms.toFixed(1)} ms, most ${lag.maxMs.toFixed(1)} ms; own work p99 ${lag.workedP99Ms.toFixed(1)} ms ` +
        `(${signIns.perSecond.toFixed(0)} sign-ins/s, p50 ${signIns.p50Ms} ms; ` +
        `at rest p99 ${rest.p99Ms.toFixed(1)} ms; JWKS meanwhile p99 ${(others.p99Ms - pauseMs).toFixed(1)} ms; errors ${errors})`,
      bar: `p99 < ${lagMsMax} ms, errors 0`,
      met: lag.p99Ms < lagMsMax && errors === 0,
    },
  ]
}

/** Another request, with a pause before it: one is always there, and what is measured is the sign-ins. */
async function another(origin: string): Promise<boolean> {
  await pause(pauseMs)
  return (await fetch(`${origin}/bench/oauth/jwks`)).ok
}

/** In a browser that knows where its person signs in, and has no session. */
async function signsIn(person: Returning | undefined, origin: string, url: string): Promise<boolean> {
  if (person === undefined) throw new Error('there is nobody to sign in')
  const browser = new Browser(origin)
  for (const cookie of await person.browser.jar.getCookies(origin))
    if (cookie.key.includes('latchkey_last')) await browser.jar.setCookie(cookie, origin)
  const passwordPage = await browser.open(url)
  const back = await browser.submit(passwordPage, { password })
  return codeIn(back.url.href) !== undefined
}
