import { randomBytes } from 'node:crypto'
import { copyFileAt } from './copy-file.ts'
import { followBundle } from './follow-bundle.ts'
import { type Guard, type GuardOptions, guardFrom } from './guard.ts'
import type { CopyFile } from './guard-copy.ts'
import type { GuardTrouble } from './guard-trouble.ts'
import type { TokenSource } from './held-token.ts'
import { listOf } from './list-of.ts'
import { type PersonTokenOptions, type PersonTokenSource, personTokenSource } from './person-token-source.ts'
import { secureAddress } from './secure-address.ts'
import { TokenError } from './token-error.ts'
import type { Fetch } from './token-request.ts'
import { type TokenSourceOptions, tokenSource } from './token-source.ts'

// The SDK's own compose: the one place where it takes clock, randomness and network from the machine.

export interface MachineOptions {
  /** In place of the platform's. */
  readonly fetch?: Fetch
}

/**
 * Access tokens at hand: of a machine, for its key; or of a person who runs the program, by the code flow or the device
 * flow (`signIn`), renewed without them.
 * @throws {TypeError} for options that cannot work
 */
export function createTokenSource(options: PersonTokenOptions & MachineOptions): PersonTokenSource
export function createTokenSource(options: TokenSourceOptions & MachineOptions): TokenSource
export function createTokenSource(
  options: (PersonTokenOptions | TokenSourceOptions) & MachineOptions,
): TokenSource {
  return 'signIn' in options
    ? personTokenSource(options, machine(options))
    : tokenSource(options, machine(options))
}

export interface CreateGuardOptions extends GuardOptions, MachineOptions {
  /** The origin of the Latchkey server, or several: when one cannot be reached the next is followed. */
  readonly latchkey: string | readonly string[]
  /** The slug of the service that is guarded. */
  readonly service: string
  /** A key of the service `latchkey` with the role `guard`. A function is asked anew, so that it can be rotated. */
  readonly key: string | (() => string)
  /** Cut off for longer than this, the guard refuses (503). At most the life of the service's tokens. Default 300. */
  readonly stalenessSecondsMax?: number
  /** Where a copy of what is known is kept, so that a restart without the server still decides. */
  readonly copyFile?: string | CopyFile
  /** So many roles, and so many organizations, are kept at hand. Default 10,000. */
  readonly factsMax?: number
  /** Told what goes wrong while following. Nothing in it is secret. */
  readonly report?: (trouble: GuardTrouble) => void
  /** Lets the key go over plain HTTP to another machine than this one. */
  readonly sendKeyOverPlainHttp?: true
}

/**
 * A guard for an API: verifies tokens offline and decides by the service's document, roles and revocations, which it
 * follows from the server. `await guard.ready()` before listening; `close()` when done.
 * @throws {TypeError} for options that cannot work
 */
export function createGuard(options: CreateGuardOptions): Guard {
  const { service, key, copyFile, sendKeyOverPlainHttp } = options
  const own = machine(options)
  const servers = listOf(options.latchkey).map((one) => secureAddress(one, sendKeyOverPlainHttp === true))
  const tokens = tokenSource(
    {
      latchkey: servers,
      service: 'latchkey',
      key,
      ...(sendKeyOverPlainHttp === undefined ? {} : { sendKeyOverPlainHttp }),
    },
    own,
  )
  const file = typeof copyFile === 'string' ? copyFileAt(copyFile) : copyFile
  const source = followBundle(
    {
      servers,
      service,
      tokens,
      stalenessSecondsMax: options.stalenessSecondsMax ?? 300,
      factsMax: options.factsMax ?? 10_000,
      ...(file === undefined ? {} : { copy: { file, key: typeof key === 'string' ? () => key : key } }),
      report: options.report ?? (() => {}),
    },
    own,
  )
  return guardFrom(source, options, own)
}

function machine({ fetch = globalThis.fetch }: MachineOptions) {
  return {
    clock: Date.now,
    monotonic: () => performance.now(),
    random: (byteCount: number) => randomBytes(byteCount),
    fetch: (input: string, init?: RequestInit) => fetch(input, init),
  }
}

/** Why a token source, or a guard's `ready()`, has failed. */
export function isTokenError(error: unknown): error is TokenError {
  return error instanceof TokenError
}

export type { Operation } from '../evaluator/model.ts'
export type { BodyAtHand } from '../evaluator/request/json-body.ts'
export type { DecisionLogState } from './decision-log.ts'
export type { DecisionLogOptions, DecisionLogSetting } from './decision-log-rules.ts'
export type { Guard } from './guard.ts'
export type { Admission, GuardAnswer, GuardRequest, Rejection } from './guard-answer.ts'
export type { GuardTrouble } from './guard-trouble.ts'
export type { TokenSource } from './held-token.ts'
export type { PersonTokenOptions, PersonTokenSource } from './person-token-source.ts'
export type { BodyNotRead, RequestBody } from './request-body.ts'
export type { ResourceMetadata } from './resource-metadata.ts'
export type { SignInAsk } from './sign-in.ts'
export type { TokenStore } from './token-file.ts'
export type { VerificationAlgorithm } from './verification-algorithms.ts'
export type { VerifiedCaller } from './verify-token.ts'
