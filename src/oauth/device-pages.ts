import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'
import type { Service } from '../services/service.ts'
import type { Records } from '../storage/ports.ts'
import { appOfLibrary } from './app-on-page.ts'
import { brandOf } from './brand.ts'
import { deviceRoute } from './endpoints.ts'
import { exchangeOf } from './exchange.ts'
import type { TokenLimits } from './limits.ts'
import { send } from './pages.ts'

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>

/** RFC 8628: a device shows a code, and a person types it here. Its consonants alone spell no words (§6.1). */
export function deviceFlow(
  deps: { readonly records: Records; readonly limits: TokenLimits },
  service: Service,
) {
  const brand = brandOf(service)
  const form = (ctx: KoaContextWithOIDC) => ({
    brand,
    action: `/${service.slug}${deviceRoute}`,
    csrf: String(ctx.oidc.session?.state?.['secret']),
  })
  return {
    enabled: true,
    charset: 'base-20',
    mask: '****-****',
    userCodeInputSource: (ctx, _form, _out, error) => {
      if (error?.name === 'AbortedError') {
        send(ctx, { kind: 'device-done', brand, denied: true })
        return
      }
      // Whose cookie is gone has no session for the form's token: the page is opened anew.
      if (error !== undefined && ctx.oidc.session?.exp === undefined) {
        ctx.status = 303
        ctx.redirect(`/${service.slug}${deviceRoute}`)
        return
      }
      if (error?.name === 'NotFoundError') deps.limits.wrongUserCode(exchangeOf(ctx).address)
      const code = exchangeOf(ctx).userCode ?? (error && 'userCode' in error ? error.userCode : undefined)
      send(
        ctx,
        {
          kind: 'device',
          ...form(ctx),
          ...(typeof code === 'string' && { code }),
          ...(error && { error: wordsFor(error) }),
        },
        error === undefined ? 200 : ctx.status,
      )
    },
    userCodeConfirmSource: async (ctx, _form, client, _info, userCode) => {
      const app = await appOfLibrary(deps, service, ctx, client)
      send(ctx, { kind: 'device-confirm', ...form(ctx), app, code: userCode })
    },
    successSource: (ctx) => {
      send(ctx, { kind: 'device-done', brand })
    },
  } satisfies DeviceFlow
}

/** The library tells its own errors by their class's name alone. */
function wordsFor({ name }: Error): string {
  switch (name) {
    case 'NoCodeError':
      return 'Type the code that your device shows.'
    case 'NotFoundError':
      return 'There is no such code. Look at your device again.'
    case 'ExpiredError':
      return 'This code is too old. Start again on your device, and type the new one.'
    case 'AlreadyUsedError':
      return 'This code was used before. Start again on your device, and type the new one.'
    default:
      return 'This did not work. Type the code again.'
  }
}
