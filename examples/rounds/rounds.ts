import { once } from 'node:events'
import Router, { type RouterContext } from '@koa/router'
import Koa, { type Context, type Middleware } from 'koa'
import { styleSource } from '../html.ts'
import { readForm } from '../read-form.ts'
import { type ClinicRecords, clinicRecords, Refused } from './clinic-records.ts'
import { notSignedInPage, patientPage, patientsPage, refusedPage, welcomePage } from './pages.ts'
import { type Person, Sessions } from './sessions.ts'
import { type SignInFlow, signInFlow, whyNot } from './sign-in.ts'

export interface RoundsOptions {
  /** Of the API that it calls, such as `http://localhost:7700/clinic`. */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** The API's address. */
  readonly api: string
  readonly port: number
}

/**
 * Rounds, a ward-round planner of another company: it acts for people at the clinic's API, with what they allow. Nothing
 * in it knows Latchkey; it speaks OAuth and OpenID Connect.
 */
export async function startRounds({ port, api, ...client }: RoundsOptions) {
  const origin = `http://localhost:${port}`
  const flow = await signInFlow({ ...client, redirectUri: `${origin}/callback`, signedOutUri: `${origin}/` })
  const sessions = new Sessions(origin)
  const app = new Koa()
  app.use(ownFormsAlone(origin))
  app.use(tellRefusals(sessions))
  app.use(signInRoutes(flow, sessions).routes())
  app.use(recordRoutes(sessions, api).routes())
  const server = app.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin,
    close(): void {
      server.closeAllConnections()
      server.close()
    },
  }
}

function signInRoutes(flow: SignInFlow, sessions: Sessions): Router {
  const router = new Router()
  router.post('/sign-in', async (ctx) => {
    const { url, signIn } = await flow.begin()
    sessions.begin(ctx, { signIn })
    seeOther(ctx, url)
  })
  router.get('/callback', async (ctx) => {
    const signIn = sessions.of(ctx)?.signIn
    // Without a sign-in of this very browser the answer is meant for somebody else.
    if (signIn === undefined) return show(ctx, 400, notSignedInPage('No sign-in was begun in this browser.'))
    try {
      sessions.begin(ctx, { person: await flow.finish(ctx.querystring, signIn) })
    } catch (error) {
      sessions.end(ctx)
      return show(ctx, 400, notSignedInPage(whyNot(error)))
    }
    seeOther(ctx, '/')
  })
  router.post('/sign-out', (ctx) => {
    const person = sessions.of(ctx)?.person
    sessions.end(ctx)
    seeOther(ctx, person === undefined ? '/' : flow.signOutUrl(person.idToken))
  })
  return router
}

function recordRoutes(sessions: Sessions, api: string): Router {
  const router = new Router()
  const inTheNameOf = (
    act: (ctx: RouterContext, person: Person, records: ClinicRecords) => Promise<void>,
  ) => {
    return async (ctx: RouterContext) => {
      const person = sessions.of(ctx)?.person
      if (person === undefined || person.endsAt <= Date.now()) show(ctx, 200, welcomePage())
      else await act(ctx, person, clinicRecords(api, person.accessToken))
    }
  }
  router.get(
    '/',
    inTheNameOf(async (ctx, person, records) => {
      show(ctx, 200, patientsPage(person, await records.patients()))
    }),
  )
  router.post(
    '/patients',
    inTheNameOf(async (ctx, _person, records) => {
      const form = await readForm(ctx)
      await records.takeOn(form.get('name') ?? '', form.get('born') ?? '')
      seeOther(ctx, '/')
    }),
  )
  router.get(
    '/patients/:id',
    inTheNameOf(async (ctx, person, records) => {
      const patient = await records.patient(ctx.params['id'] ?? '')
      show(ctx, 200, patientPage(person, patient, await records.appointments(patient.id)))
    }),
  )
  router.post(
    '/patients/:id/visits',
    inTheNameOf(async (ctx, _person, records) => {
      const patient = await records.patient(ctx.params['id'] ?? '')
      const form = await readForm(ctx)
      await records.book(patient.id, `${form.get('at')}:00Z`, form.get('reason') ?? '')
      seeOther(ctx, `/patients/${patient.id}`)
    }),
  )
  return router
}

/** What the clinic refuses is told to the person, under the clinic's status. */
function tellRefusals(sessions: Sessions): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      // The token is worth nothing any more: expired, or the person has taken it back.
      if (error.status === 401) sessions.end(ctx)
      show(ctx, error.status, refusedPage(error))
    }
  }
}

/** Takes forms from its own pages alone: SameSite keeps other sites out, this keeps out other servers of the same site. */
function ownFormsAlone(origin: string): Middleware {
  return async (ctx, next) => {
    if (ctx.method === 'POST' && ctx.get('origin') !== origin) ctx.throw(403, 'not from a page of Rounds')
    await next()
  }
}

function show(ctx: Context, status: number, body: string): void {
  ctx.status = status
  ctx.type = 'html'
  ctx.set('cache-control', 'no-store')
  ctx.set(
    'content-security-policy',
    `default-src 'none'; style-src ${styleSource}; frame-ancestors 'none'; base-uri 'none'`,
  )
  ctx.body = body
}

/** A GET follows, whatever came before. */
function seeOther(ctx: Context, url: string): void {
  ctx.redirect(url)
  ctx.status = 303
}
