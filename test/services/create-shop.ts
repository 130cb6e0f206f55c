import { hasCode } from '../../src/errors.ts'
import { createService } from '../../src/services/create-service.ts'
import type { SigningAlgorithm } from '../../src/services/service.ts'
import { type deployment, shopDocument } from './deployment.ts'

/** The confirmation that a use case asks for. */
export async function confirmationOf(attempt: () => Promise<unknown>): Promise<string> {
  const error = await attempt().catch((e: unknown) => e)
  if (!hasCode(error, 'confirmation_required'))
    throw new Error('no confirmation was asked for', { cause: error })
  return String(error.data['confirmation'])
}

interface Options {
  readonly document?: Uint8Array
  readonly signingAlgorithm?: SigningAlgorithm
  readonly slug?: string
}

/** A service with the shop's document, confirmed. */
export async function createShop(d: Awaited<ReturnType<typeof deployment>>, options: Options = {}) {
  const wanted = { organizationId: d.operatorId, slug: 'shop', document: shopDocument(), ...options }
  const confirmation = await confirmationOf(() => createService(d.deps, d.by, wanted))
  return createService(d.deps, d.by, { ...wanted, confirmation })
}
