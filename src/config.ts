import { Resolver } from 'node:dns'
import { z } from 'zod'

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max))

/** A name or an address as a URL has it, IPv6 in brackets. */
const outgoingHost = /^([a-z0-9]([-.a-z0-9]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9]\d{0,4})?$/

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]'])

/** The environment variables that Latchkey reads; each has a safe default. */
const Environment = z
  .strictObject({
    /** Where people and machines reach the server: scheme, host and port, no path. */
    LATCHKEY_ORIGIN: z
      .url({ protocol: /^https?$/, error: 'must be an origin such as https://id.example.com' })
      .refine((text) => new URL(text).origin === text, 'must be an origin: no path, no trailing slash')
      .optional(),
    LATCHKEY_HOST: z.string().min(1).default('127.0.0.1'),
    LATCHKEY_PORT: whole(1, 65_535).default(7700),
    /** The folder of the SQLite store, of a generated deployment secret and of the operator's key file. */
    LATCHKEY_DATA: z.string().min(1).default('./data'),
    LATCHKEY_STORE: z
      .string()
      .regex(/^(sqlite:.+|mongodb(\+srv)?:\/\/.+)$/, 'must be sqlite:<file> or mongodb://…')
      .optional(),
    LATCHKEY_SECRETS: z
      .string()
      .transform((text) => text.split(',').map((secret) => secret.trim()))
      .optional(),
    LATCHKEY_WORKERS: whole(1, 64).default(1),
    LATCHKEY_TRUSTED_PROXIES: whole(0, 10).default(0),
    /** Who is asked whether a domain carries its proof, where that is not for the machine's own name servers. */
    LATCHKEY_NAME_SERVERS: z
      .string()
      .transform((text) => text.split(',').map((server) => server.trim()))
      .refine(
        areNameServers,
        'must be IP addresses, with a port where it is not 53: 10.0.0.53,10.0.1.53:5353',
      )
      .optional(),
    LATCHKEY_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
    LATCHKEY_TOKENS_PER_KEY_PER_MINUTE: whole(1, 100_000_000).default(6_000),
    LATCHKEY_TOKENS_PER_ADDRESS_PER_MINUTE: whole(1, 100_000_000).default(12_000),
    /** `smtp://` or `smtps://`, with user and password before the host if the server asks for them. */
    LATCHKEY_SMTP_URL: z
      .url({ protocol: /^smtps?$/, error: 'must be smtp:// or smtps:// with a host' })
      .refine((text) => URL.parse(text)?.hostname !== '', 'names no host')
      .optional(),
    /** `id@example.com` or `Name <id@example.com>`. */
    LATCHKEY_MAIL_FROM: z
      .string()
      .regex(
        /^([^<>\r\n]+<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/,
        'must be id@example.com or Name <id@example.com>',
      )
      .optional(),
    LATCHKEY_ALLOW_SMTP_WITHOUT_TLS: z.literal('true').optional(),
    LATCHKEY_API_CALLS_PER_MINUTE: whole(1, 100_000_000).default(3_000),
    /** Of each guard's key: calls, with each further request of a batch; searches and lists count as a hundred. */
    LATCHKEY_GUARD_CALLS_PER_MINUTE: whole(1, 100_000_000).default(600_000),
    /** Of decisions of guards that are told of, so many are kept of each organization at each service; the rest is counted. */
    LATCHKEY_DECISIONS_PER_ORGANIZATION_PER_MINUTE: whole(1, 100_000_000).default(6_000),
    /** Of what the server itself decides, on the management API and for guards that ask it: what was refused, or all. */
    LATCHKEY_DECISION_LOG: z.enum(['off', 'denials', 'all']).default('off'),
    LATCHKEY_DECISIONS_KEPT_DAYS: whole(1, 3_650).default(30),
    /** Private hosts that requests to upstream providers and apps may reach: `idp.internal,idp.internal:8443`. */
    LATCHKEY_OUTGOING_HOSTS: z
      .string()
      .transform((text) => text.split(',').map((host) => host.trim().toLowerCase()))
      .refine(
        (hosts) => hosts.every((host) => outgoingHost.test(host)),
        'must be host names with commas between, each with a port or for all of its ports: no scheme, no path, no *',
      )
      .optional(),
    /** A file with certificate authorities in PEM that these requests trust beside the usual ones. */
    LATCHKEY_OUTGOING_CA: z.string().min(1).optional(),
    LATCHKEY_ALLOW_PRIVATE_ADDRESSES_IN_DEVELOPMENT: z.literal('true').optional(),
    LATCHKEY_ALLOW_HTTP_ORIGIN_IN_DEVELOPMENT: z.literal('true').optional(),
  })
  .superRefine((env, context) => {
    if ((env.LATCHKEY_SMTP_URL === undefined) === (env.LATCHKEY_MAIL_FROM === undefined)) return
    const path = [env.LATCHKEY_SMTP_URL === undefined ? 'LATCHKEY_SMTP_URL' : 'LATCHKEY_MAIL_FROM']
    context.addIssue({ code: 'custom', path, message: 'is missing: mail needs a server and a sender' })
  })
  .superRefine((env, context) => {
    if (env.LATCHKEY_ORIGIN === undefined) return
    const { protocol, hostname } = new URL(env.LATCHKEY_ORIGIN)
    if (protocol === 'https:' || loopbackHosts.has(hostname)) return
    if (env.LATCHKEY_ALLOW_HTTP_ORIGIN_IN_DEVELOPMENT === 'true') return
    context.addIssue({
      code: 'custom',
      path: ['LATCHKEY_ORIGIN'],
      message:
        'must be https: tokens would cross the network in clear (LATCHKEY_ALLOW_HTTP_ORIGIN_IN_DEVELOPMENT=true lets it pass while developing)',
    })
  })

export type StoreLocation =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'mongodb'; readonly url: string }

export interface Config {
  readonly origin: string
  readonly host: string
  readonly port: number
  readonly dataFolder: string
  readonly store: StoreLocation
  /** Newest first; absent: made on first start beside a SQLite store, refused with any other. */
  readonly secrets: readonly string[] | undefined
  readonly workers: number
  readonly trustedProxies: number
  /** Absent: the machine's. */
  readonly nameServers: readonly string[] | undefined
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent'
  readonly tokensPerKeyPerMinute: number
  readonly tokensPerAddressPerMinute: number
  readonly apiCallsPerMinute: number
  readonly guardCallsPerMinute: number
  readonly decisionsPerOrganizationPerMinute: number
  readonly decisionsKeptDays: number
  readonly decisionLog: 'off' | 'denials' | 'all'
  /** Absent: mails are kept for the operator to read. */
  readonly smtp?: Smtp | undefined
  /** What requests to addresses that customers give may reach beyond the public network. */
  readonly outgoing: {
    readonly hosts: readonly string[]
    readonly certificatesFile: string | undefined
    readonly allowPrivateAddressesInDevelopment: boolean
  }
}

interface Smtp {
  readonly url: string
  readonly from: string
  readonly allowWithoutTls: boolean
}

/**
 * Reads the `LATCHKEY_…` variables of an environment (`LATCHKEY_CLI_…` are the command's own).
 * @throws {Error} one that lists every fault and every unknown variable
 */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const ours = Object.entries(environment).filter(
    ([name, value]) =>
      name.startsWith('LATCHKEY_') &&
      !name.startsWith('LATCHKEY_CLI_') &&
      value !== undefined &&
      value !== '',
  )
  const parsed = Environment.safeParse(Object.fromEntries(ours))
  if (!parsed.success) throw new Error(`configuration refused:\n${z.prettifyError(parsed.error)}`)
  const env = parsed.data
  return {
    origin: env.LATCHKEY_ORIGIN ?? `http://localhost:${env.LATCHKEY_PORT}`,
    host: env.LATCHKEY_HOST,
    port: env.LATCHKEY_PORT,
    dataFolder: env.LATCHKEY_DATA,
    store: storeLocation(env.LATCHKEY_STORE ?? `sqlite:${env.LATCHKEY_DATA}/latchkey.db`),
    secrets: env.LATCHKEY_SECRETS,
    workers: env.LATCHKEY_WORKERS,
    trustedProxies: env.LATCHKEY_TRUSTED_PROXIES,
    nameServers: env.LATCHKEY_NAME_SERVERS,
    logLevel: env.LATCHKEY_LOG_LEVEL,
    tokensPerKeyPerMinute: env.LATCHKEY_TOKENS_PER_KEY_PER_MINUTE,
    tokensPerAddressPerMinute: env.LATCHKEY_TOKENS_PER_ADDRESS_PER_MINUTE,
    apiCallsPerMinute: env.LATCHKEY_API_CALLS_PER_MINUTE,
    guardCallsPerMinute: env.LATCHKEY_GUARD_CALLS_PER_MINUTE,
    decisionsPerOrganizationPerMinute: env.LATCHKEY_DECISIONS_PER_ORGANIZATION_PER_MINUTE,
    decisionsKeptDays: env.LATCHKEY_DECISIONS_KEPT_DAYS,
    decisionLog: env.LATCHKEY_DECISION_LOG,
    smtp: smtpOf(env),
    outgoing: {
      hosts: env.LATCHKEY_OUTGOING_HOSTS ?? [],
      certificatesFile: env.LATCHKEY_OUTGOING_CA,
      allowPrivateAddressesInDevelopment: env.LATCHKEY_ALLOW_PRIVATE_ADDRESSES_IN_DEVELOPMENT === 'true',
    },
  }
}

function areNameServers(servers: readonly string[]): boolean {
  try {
    new Resolver().setServers(servers)
    return true
  } catch {
    return false
  }
}

function smtpOf(env: z.output<typeof Environment>): Smtp | undefined {
  const { LATCHKEY_SMTP_URL: url, LATCHKEY_MAIL_FROM: from, LATCHKEY_ALLOW_SMTP_WITHOUT_TLS: allowed } = env
  if (url === undefined || from === undefined) return undefined
  // On the machine itself there is nobody on the way.
  return { url, from, allowWithoutTls: allowed === 'true' || loopbackHosts.has(new URL(url).hostname) }
}

function storeLocation(text: string): StoreLocation {
  return text.startsWith('sqlite:')
    ? { kind: 'sqlite', path: text.slice('sqlite:'.length) }
    : { kind: 'mongodb', url: text }
}
