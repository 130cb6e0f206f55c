import { randomUUID } from 'node:crypto'
import Router from '@koa/router'
import Koa, { type Context, type Middleware } from 'koa'
import type { Admission } from 'latchkey/sdk'
import { z } from 'zod'
import type { Patient, PracticeRecords, Records } from './records.ts'

const bodyLengthMax = 10_000
const NewPatient = z.strictObject({ name: z.string().min(1).max(200), born: z.iso.date() })
const NewAppointment = z.strictObject({ at: z.iso.datetime(), reason: z.string().min(1).max(200) })

/**
 * The clinic's API. It holds no rule about who may do what: `guard` has answered that before a route runs, from the
 * OpenAPI document and the caller's token. What is left here is the data: each caller sees its own practice's.
 */
export function clinicApi(guard: Middleware, records: Records): Koa {
  const router = new Router()
  const practice = (ctx: Context): PracticeRecords => records.of(organizationOf(ctx))

  router.get('/status', (ctx) => {
    ctx.body = { status: 'up' }
  })
  router.get('/patients', (ctx) => {
    ctx.body = [...practice(ctx).patients.values()]
  })
  router.post('/patients', async (ctx) => {
    const patient = { id: newId('pat'), ...(await read(ctx, NewPatient)) }
    practice(ctx).patients.set(patient.id, patient)
    ctx.status = 201
    ctx.body = patient
  })
  router.get('/patients/:patientId', (ctx) => {
    ctx.body = patientOf(ctx, practice(ctx))
  })
  router.put('/patients/:patientId', async (ctx) => {
    const { id } = patientOf(ctx, practice(ctx))
    const patient = { id, ...(await read(ctx, NewPatient)) }
    practice(ctx).patients.set(id, patient)
    ctx.body = patient
  })
  router.get('/patients/:patientId/appointments', (ctx) => {
    const { id } = patientOf(ctx, practice(ctx))
    ctx.body = [...practice(ctx).appointments.values()].filter((one) => one.patient_id === id)
  })
  router.post('/patients/:patientId/appointments', async (ctx) => {
    const { id } = patientOf(ctx, practice(ctx))
    const { appointments } = practice(ctx)
    const asked = await read(ctx, NewAppointment)
    const appointment = { id: newId('apt'), patient_id: id, ...asked }
    appointments.set(appointment.id, appointment)
    ctx.status = 201
    ctx.body = appointment
  })
  router.get('/organizations/:organizationId/export', (ctx) => {
    const { patients, appointments } = practice(ctx)
    ctx.body = { patients: [...patients.values()], appointments: [...appointments.values()] }
  })

  const app = new Koa()
  app.use(guard)
  app.use(router.routes())
  app.use(router.allowedMethods())
  return app
}

/** Who calls: the organization in the token that the guard has verified. */
function organizationOf(ctx: Context): string {
  const admission: Admission | undefined = ctx.state['latchkey']
  // Only a public operation has no caller, and none of those asks.
  return admission?.caller?.organizationId ?? ctx.throw(401)
}

/** Another practice's patient is simply not found: an id tells nobody that it exists. */
function patientOf(
  ctx: Context & { params: Record<string, string> },
  { patients }: PracticeRecords,
): Patient {
  const patient = patients.get(ctx.params['patientId'] ?? '')
  return patient ?? ctx.throw(404, 'no such patient')
}

async function read<T extends z.ZodType>(ctx: Context, schema: T): Promise<z.output<T>> {
  const body = schema.safeParse(parsed(await text(ctx)))
  return body.success ? body.data : ctx.throw(400, z.prettifyError(body.error))
}

async function text(ctx: Context): Promise<string> {
  let body = ''
  for await (const chunk of ctx.req.setEncoding('utf8')) {
    body += chunk
    if (body.length > bodyLengthMax) ctx.throw(413, `at most ${bodyLengthMax} characters`)
  }
  return body
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** Of no other practice either: Latchkey knows patients by their ids alone. */
function newId(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 8)}`
}
