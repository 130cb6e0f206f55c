import { once } from 'node:events'
import { Command, Option } from 'commander'
import { pino } from 'pino'
import {
  type CreateGuardOptions,
  createGuard,
  type DecisionLogSetting,
  type Guard,
  type GuardTrouble,
} from '../sdk/index.ts'
import { failureFrom } from './access-token.ts'
import { decisionLogSetting } from './guard/decision-log-setting.ts'
import { type GatewayName, gatewayNames } from './guard/gateways.ts'
import { listenAddress } from './guard/listen-address.ts'
import { runGuard } from './guard/run-guard.ts'
import { readGatewayKey, readIdentityKey } from './guard/settings.ts'
import { repeated, wholeNumber, wholeNumberFromZero } from './options.ts'
import type { Open, Session } from './session.ts'

interface GuardCommandOptions {
  readonly service: string
  readonly gateway: GatewayName
  readonly listen?: readonly string[]
  readonly gatewayKeyFile?: string
  readonly identityKeyFile?: string
  readonly anotherServer?: readonly string[]
  readonly copyFile?: string
  readonly stalenessSeconds?: string
  readonly publicBase?: readonly string[]
  readonly trustedProxies: string
  readonly acceptTestKeys?: true
  readonly requireDpop?: true
  readonly dpopNonce?: true
  readonly resourceMetadata?: string | true
  readonly decisionLog: 'off' | 'denials' | 'all'
  readonly decisionLogShare?: string
  readonly decisionLogIds: 'keep' | 'omit'
  readonly decisionLogIdKeyFile?: string
  readonly decisionLogWhenFull: 'drop' | 'wait'
  readonly logLevel: string
}

export function guardCommand(open: Open): Command {
  return new Command('guard')
    .description(
      'stand beside a gateway (nginx, Caddy, Traefik, HAProxy, Envoy) and say which requests may go on to the API; with a key that has the role guard',
    )
    .requiredOption('--service <slug>', 'the service of the API')
    .addOption(
      new Option('--gateway <name>', 'whose way to ask is understood; no other is')
        .choices(gatewayNames)
        .makeOptionMandatory(),
    )
    .addOption(
      repeated(
        '--listen <address>',
        'where the gateway asks: host:port, or a Unix socket, unix:/path, which costs less; default 127.0.0.1:9090',
      ),
    )
    .option(
      '--gateway-key-file <path>',
      'a key that the gateway must send in X-Latchkey-Guard; needed where others than this machine can ask',
    )
    .option(
      '--identity-key-file <path>',
      'a private key (PEM, P-256) for X-Latchkey-Identity, shared by several guards; default: one made at each start',
    )
    .addOption(repeated('--another-server <origin>', 'followed where --server cannot be reached'))
    .option('--copy-file <path>', 'keeps what is known, so that a restart without the server still decides')
    .option(
      '--staleness-seconds <n>',
      'cut off for longer, it refuses (503); default 300, at most the life of tokens',
      wholeNumber,
    )
    .addOption(
      repeated(
        '--public-base <url>',
        'what clients write before the path (DPoP); default: as the service says',
      ),
    )
    .option(
      '--trusted-proxies <n>',
      'how many of your own add to X-Forwarded-For, the gateway included',
      wholeNumberFromZero,
      '1',
    )
    .option('--accept-test-keys', 'let tokens of test keys in')
    .option('--require-dpop', 'refuse tokens that are not bound to a key (RFC 9449)')
    .option('--dpop-nonce', 'ask for proofs made just now')
    .option(
      '--resource-metadata [name]',
      'tell clients where to get a token (RFC 9728), with the name of the API',
    )
    .addOption(
      new Option('--decision-log <which>', 'which decisions the server is told of, for `latchkey decisions`')
        .choices(['off', 'denials', 'all'])
        .default('off'),
    )
    .option('--decision-log-share <n>', 'of what is allowed, so much: 0.01 is every hundredth; with all')
    .addOption(
      new Option('--decision-log-ids <what>', 'what becomes of the ids in paths')
        .choices(['keep', 'omit'])
        .default('keep'),
    )
    .option(
      '--decision-log-id-key-file <path>',
      'a secret of 16 characters or more: ids are told as hashes keyed with it',
    )
    .addOption(
      new Option('--decision-log-when-full <what>', 'drop counts what has no room; wait has requests wait')
        .choices(['drop', 'wait'])
        .default('drop'),
    )
    .addOption(
      new Option('--log-level <level>', 'debug has a line for each refusal')
        .choices(['error', 'warn', 'info', 'debug', 'silent'])
        .default('info'),
    )
    .action(async (options: GuardCommandOptions) => serve(open(), options))
}

async function serve(session: Session, options: GuardCommandOptions): Promise<void> {
  const { service, gateway, logLevel } = options
  const listen = (options.listen ?? ['127.0.0.1:9090']).map(listenAddress)
  const gatewayKey = await readGatewayKey(options.gatewayKeyFile, listen)
  const identityKey = await readIdentityKey(options.identityKeyFile)
  const server = await session.server()
  const log = pino({ level: logLevel })
  const decisionLog = await decisionLogSetting(options)
  const guard = await guardOf(session, server, { ...options, setting: decisionLog }, (trouble) =>
    log.warn({ kind: trouble.kind, message: trouble.message }, 'The guard goes on with what it knows'),
  )
  const stopped = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  try {
    await runGuard({ guard, service, server, gateway, gatewayKey, identityKey, listen, log, stopped })
  } finally {
    await guard.close()
  }
}

/** @throws {Failure} for what cannot work */
async function guardOf(
  session: Session,
  server: string,
  options: GuardCommandOptions & { readonly setting: DecisionLogSetting },
  report: (trouble: GuardTrouble) => void,
): Promise<Guard> {
  const { clientSecret } = await session.credential()
  const { service, anotherServer = [] } = options
  try {
    return createGuard({
      ...{ latchkey: [server, ...anotherServer], service, key: clientSecret, report },
      decisionLog: options.setting,
      ...session.sending,
      ...deciding(options),
    })
  } catch (error) {
    throw failureFrom(error, server)
  }
}

/** What is left out is as the SDK has it. */
function deciding(options: GuardCommandOptions): Partial<CreateGuardOptions> {
  const { copyFile, stalenessSeconds, publicBase, acceptTestKeys, resourceMetadata } = options
  const dpop = {
    ...(options.requireDpop === undefined ? {} : { required: true as const }),
    ...(options.dpopNonce === undefined ? {} : { nonce: true as const }),
  }
  return {
    dpop,
    trustedProxies: Number(options.trustedProxies),
    ...(copyFile === undefined ? {} : { copyFile }),
    ...(stalenessSeconds === undefined ? {} : { stalenessSecondsMax: Number(stalenessSeconds) }),
    ...(publicBase === undefined ? {} : { publicBase }),
    ...(acceptTestKeys === undefined ? {} : { acceptTestKeys }),
    ...(resourceMetadata === undefined
      ? {}
      : { resourceMetadata: resourceMetadata === true ? true : { name: resourceMetadata } }),
  }
}
