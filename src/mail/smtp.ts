import { createTransport } from 'nodemailer'
import type { Deliver, Delivery } from './outbox.ts'

export interface SmtpOptions {
  /** `smtp://` or `smtps://`, with user and password if the server asks for them. */
  readonly url: string
  /** The address, with a name if wanted, that mails come from. */
  readonly from: string
  /** Mails hold links that let people in, so the way to the server is encrypted unless this says otherwise. */
  readonly allowWithoutTls: boolean
}

const timeoutMs = 15_000
const whyLengthMax = 300

/** Hands mails to one SMTP server (RFC 5321), over TLS: `smtps`, or STARTTLS before anything else is said. */
export function smtpDelivery({ url, from, allowWithoutTls }: SmtpOptions): Deliver {
  const { protocol, hostname, port, username, password } = new URL(url)
  const secure = protocol === 'smtps:'
  const transport = createTransport({
    ...{
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (secure ? 465 : 587) : Number(port),
      secure,
    },
    ...(username === ''
      ? {}
      : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
    ...{ requireTLS: !secure && !allowWithoutTls, disableFileAccess: true, disableUrlAccess: true },
    ...{ connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs },
  })
  return async ({ to, subject, text }) => {
    try {
      // As an object the address is taken as it is, never read as a list of them.
      await transport.sendMail({ from, to: { name: '', address: to }, subject, text })
      return { kind: 'delivered' }
    } catch (cause) {
      return refusalOf(cause)
    }
  }
}

/** RFC 5321 §4.2.1: 5xx is for good, all else may be better later. */
function refusalOf(cause: unknown): Delivery {
  const status = cause instanceof Error && 'responseCode' in cause ? Number(cause.responseCode) : 0
  const why = (cause instanceof Error ? cause.message : String(cause)).slice(0, whyLengthMax)
  return { kind: status >= 500 ? 'refused' : 'not_now', why }
}
