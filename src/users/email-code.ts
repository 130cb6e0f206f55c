import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Clock, Random } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { ServiceId } from '../ids.ts'
import type { SendMail } from '../mail/mail.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { getService } from '../services/find-service.ts'
import type { Artifacts, Records } from '../storage/ports.ts'
import { codeMail } from './mail-texts.ts'
import { type Arrived, type MailLimits, mayHaveMail } from './request-reset.ts'

interface Deps {
  readonly records: Records
  readonly artifacts: Artifacts
  readonly secrets: Secrets
  readonly random: Random
  readonly clock: Clock
  readonly sendMail: SendMail
  readonly mails: MailLimits
}

/** What a code proves the address for: one for another purpose is none. */
export type CodePurpose = 'discovery'

const model = 'EmailCode'
const minutes = 10
const triesMax = 5
const digits = 6
const idBytes = 32

const Kept = z.object({ email: z.string(), purpose: z.string(), code: z.string() })

/**
 * Mails a code of six digits that holds for 10 minutes and 5 tries. The answer is the same, and takes as long, whether or
 * not anybody has the address. It names the code for `checkEmailCode`: who keeps it bound to one browser lets nobody else
 * use up the tries, or use the code.
 * @throws {DomainError} `rate_limited`, by the client's address alone; `service_not_found`
 */
export async function sendEmailCode(
  deps: Deps,
  {
    email,
    purpose,
    serviceId,
  }: { readonly email: string; readonly purpose: CodePurpose; readonly serviceId: ServiceId },
  { address }: Pick<Arrived, 'address'>,
): Promise<{ readonly codeId: string }> {
  const service = await getService(deps.records, serviceId)
  const standing = await deps.mails.byAddress.take(address)
  if (standing.isSpent)
    throw new DomainError('rate_limited', 'too many codes were asked for from your address', {
      fix: `Try again in ${standing.seconds} seconds.`,
    })
  const isMailed = await mayHaveMail(deps.mails, email, address)
  const codeId = unguessable(deps.random)
  // What nobody was mailed nobody types; six digits could be guessed, by whoever asks for many from many addresses.
  const code = isMailed ? newCode(deps.random) : unguessable(deps.random)
  await keep(deps, { serviceId, codeId, email, purpose, code })
  if (isMailed) await deps.sendMail(codeMail(email, { code, service: service.title, minutes }))
  return { codeId }
}

export type CodeAnswer =
  | { readonly kind: 'right'; readonly email: string }
  /** `over`: used, too old, or tried too often; another is needed. */
  | { readonly kind: 'wrong' | 'over' }

/** Whether this is the code; each call is a try, and the right one is right once. */
export async function checkEmailCode(
  deps: Pick<Deps, 'artifacts' | 'secrets'>,
  {
    codeId,
    code,
    purpose,
    serviceId,
  }: {
    readonly codeId: string
    readonly code: string
    readonly purpose: CodePurpose
    readonly serviceId: ServiceId
  },
): Promise<CodeAnswer> {
  const { artifacts, secrets } = deps
  for (const base of secrets.digests('email-codes', codeId)) {
    const artifact = await artifacts.find(serviceId, model, base)
    if (artifact === undefined) continue
    const kept = Kept.parse(JSON.parse(secrets.open('email-codes', base, artifact.payload).toString()))
    if (kept.purpose !== purpose || !(await takeTry(artifacts, serviceId, base))) return { kind: 'over' }
    if (!isCode(secrets, codeId, code, kept.code)) return { kind: 'wrong' }
    return (await artifacts.consume(serviceId, model, base))
      ? { kind: 'right', email: kept.email }
      : { kind: 'over' }
  }
  return { kind: 'over' }
}

async function keep(
  { artifacts, secrets, clock }: Deps,
  one: {
    readonly serviceId: ServiceId
    readonly codeId: string
    readonly email: string
    readonly purpose: CodePurpose
    readonly code: string
  },
): Promise<void> {
  const { serviceId, codeId, email, purpose, code } = one
  const base = secrets.digest('email-codes', codeId)
  const expiresAt = clock() + minutes * 60_000
  const said = { email, purpose, code: secrets.digest('email-codes', codeText(codeId, code)) }
  const payload = secrets.seal('email-codes', base, JSON.stringify(said))
  // A try is a thing of its own, which one caller gets, however many ask at once.
  const tries = Array.from({ length: triesMax }, (_, n) =>
    artifacts.upsert(serviceId, model, { id: tryId(base, n), payload: '', expiresAt }),
  )
  await Promise.all([...tries, artifacts.upsert(serviceId, model, { id: base, payload, expiresAt })])
}

async function takeTry(artifacts: Artifacts, serviceId: ServiceId, base: string): Promise<boolean> {
  for (let n = 0; n < triesMax; n += 1)
    if (await artifacts.consume(serviceId, model, tryId(base, n))) return true
  return false
}

function tryId(base: string, n: number): string {
  return `${base}.${n}`
}

function codeText(codeId: string, code: string): string {
  return `${codeId}/${code}`
}

function isCode(secrets: Secrets, codeId: string, code: string, kept: string): boolean {
  // People copy it with spaces.
  const given = secrets.digests('email-codes', codeText(codeId, code.replaceAll(/\s/g, '').slice(0, 20)))
  return given.some((one) => timingSafeEqual(Buffer.from(one), Buffer.from(kept)))
}

function unguessable(random: Random): string {
  return Buffer.from(random(idBytes)).toString('base64url')
}

/** 48 bits of chance: no digit is more likely than another by more than a billionth. */
function newCode(random: Random): string {
  const number = Buffer.from(random(6)).readUIntBE(0, 6) % 10 ** digits
  return String(number).padStart(digits, '0')
}
