import { once } from 'node:events'
import { Command } from 'commander'
import { pino } from 'pino'
import {
  type CreateGuardOptions,
  createGuard,
  type DecisionLogSetting,
  type Guard,
  type GuardTrouble,
} from '../sdk/index.ts'
import { failureFrom } from './access-token.ts'
import { type GuardCommandOptions, guardOptions } from './guard/command-options.ts'
import { decisionLogSetting } from './guard/decision-log-setting.ts'
import { listenAddress } from './guard/listen-address.ts'
import { runGuard } from './guard/run-guard.ts'
import { readGatewayKey, readIdentityKey } from './guard/settings.ts'
import type { Open, Session } from './session.ts'

export function guardCommand(open: Open): Command {
  const command = new Command('guard').description(
    'stand beside a gateway (nginx, Caddy, Traefik, HAProxy, Envoy) and say which requests may go on to the API; with a key that has the role guard',
  )
  for (const option of guardOptions()) command.addOption(option)
  return command.action(async (options: GuardCommandOptions) => serve(open(), options))
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
