import { Option } from 'commander'
import { repeated, wholeNumber, wholeNumberFromZero } from '../options.ts'
import type { DecisionLogFlags } from './decision-log-setting.ts'
import { type GatewayName, gatewayNames } from './gateways.ts'

/** What is said of the guard on the command line. */
export interface GuardCommandOptions extends DecisionLogFlags {
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
  readonly logLevel: string
}

/** In the order in which `--help` has them. */
export function guardOptions(): readonly Option[] {
  return [
    new Option('--service <slug>', 'the service of the API').makeOptionMandatory(),
    ...gatewayOptions(),
    ...followingOptions(),
    ...callerOptions(),
    ...decisionLogOptions(),
    new Option('--log-level <level>', 'debug has a line for each refusal')
      .choices(['error', 'warn', 'info', 'debug', 'silent'])
      .default('info'),
  ]
}

/** Who asks, and where. */
function gatewayOptions(): readonly Option[] {
  return [
    new Option('--gateway <name>', 'whose way to ask is understood; no other is')
      .choices(gatewayNames)
      .makeOptionMandatory(),
    repeated(
      '--listen <address>',
      'where the gateway asks: host:port, or a Unix socket, unix:/path; default 127.0.0.1:9090',
    ),
    new Option(
      '--gateway-key-file <path>',
      'a key that the gateway must send in X-Latchkey-Guard; needed where others than this machine can ask',
    ),
    new Option(
      '--identity-key-file <path>',
      'a private key (PEM, P-256) for X-Latchkey-Identity, shared by several guards; default: one made at each start',
    ),
  ]
}

/** Whom it learns its service from, and what it does without them. */
function followingOptions(): readonly Option[] {
  return [
    repeated('--another-server <origin>', 'followed where --server cannot be reached'),
    new Option(
      '--copy-file <path>',
      'keeps what is known, so that a restart without the server still decides',
    ),
    new Option(
      '--staleness-seconds <n>',
      'cut off for longer, it refuses (503); default 300, at most the life of tokens',
    ).argParser(wholeNumber),
  ]
}

/** What of a client's request and token counts. */
function callerOptions(): readonly Option[] {
  return [
    repeated(
      '--public-base <url>',
      'what clients write before the path (DPoP); default: as the service says',
    ),
    new Option('--trusted-proxies <n>', 'how many of your own add to X-Forwarded-For, the gateway included')
      .argParser(wholeNumberFromZero)
      .default('1'),
    new Option('--accept-test-keys', 'let tokens of test keys in'),
    new Option('--require-dpop', 'refuse tokens that are not bound to a key (RFC 9449)'),
    new Option('--dpop-nonce', 'ask for proofs made just now'),
    new Option(
      '--resource-metadata [name]',
      'tell clients where to get a token (RFC 9728), with the name of the API',
    ),
  ]
}

function decisionLogOptions(): readonly Option[] {
  return [
    new Option('--decision-log <which>', 'which decisions the server is told of, for `latchkey decisions`')
      .choices(['off', 'denials', 'all'])
      .default('off'),
    new Option('--decision-log-share <n>', 'of what is allowed, so much: 0.01 is every hundredth; with all'),
    new Option('--decision-log-ids <what>', 'what becomes of the ids in paths')
      .choices(['keep', 'omit'])
      .default('keep'),
    new Option(
      '--decision-log-id-key-file <path>',
      'a secret of 16 characters or more: ids are told as hashes keyed with it',
    ),
    new Option('--decision-log-when-full <what>', 'drop counts what has no room; wait has requests wait')
      .choices(['drop', 'wait'])
      .default('drop'),
  ]
}
