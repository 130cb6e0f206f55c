import { type Configuration, errors } from 'oidc-provider'
import { commandClientId } from '../ids.ts'
import type { Service } from '../services/service.ts'
import { brandOf } from './brand.ts'
import { exchangeOf } from './exchange.ts'
import { isForPeople, send } from './pages.ts'

type RenderError = NonNullable<Configuration['renderError']>

interface Words {
  readonly heading: string
  readonly what: string
  readonly fix: string
}

const tellItsMakers = 'Go back to the app. If it happens there again, tell the people who make it.'

/**
 * Errors that cannot be told to the app, since it is unknown or its address is not to be trusted: a page for a browser,
 * JSON for anything else. Machines' endpoints answer JSON whatever they are asked for (RFC 6749 §5.2).
 */
export function errorPages(service: Service): RenderError {
  return (ctx, out, error) => {
    if (!isForPeople(ctx.req)) {
      ctx.type = 'application/json'
      ctx.body = out
      return
    }
    const { requestId } = exchangeOf(ctx)
    const detail = out.error_description === undefined ? out.error : `${out.error}: ${out.error_description}`
    const said = wordsFor(out.error, error, ctx.oidc?.params?.['client_id'])
    send(ctx, { kind: 'error', brand: brandOf(service), ...said, requestId, detail }, ctx.status)
  }
}

function wordsFor(code: string, error: Error, clientId: unknown): Words {
  if (error instanceof errors.SessionNotFound)
    return {
      heading: 'This sign-in is over',
      what: 'It was begun too long ago, or in another browser, or it has been finished already.',
      fix: 'Go back to the app and begin again.',
    }
  if (code === 'invalid_client' && clientId === commandClientId)
    return {
      heading: 'Nobody signs in to the latchkey command here',
      what: 'The operator of this server has disabled it for people; keys work on.',
      fix: `Stop the command. The operator can enable it: latchkey keys enable ${commandClientId}`,
    }
  switch (code) {
    case 'invalid_client':
      return {
        heading: 'This app is not known here',
        what: 'You were sent here by an app that has not been registered, or that is registered no longer.',
        fix: tellItsMakers,
      }
    case 'invalid_redirect_uri':
      return {
        heading: 'This app may not be answered there',
        what: 'It asks for the answer to be sent to an address that it has not registered. Nothing was sent there.',
        fix: tellItsMakers,
      }
    case 'server_error':
      return {
        heading: 'Something went wrong here',
        what: 'The fault is ours, and has been noted.',
        fix: 'Go back to the app and try again in a moment.',
      }
    case 'temporarily_unavailable':
      return {
        heading: 'That was too often',
        what: 'There were more requests than are taken in so short a time.',
        fix: 'Wait a minute, then go back to the app and try again.',
      }
    default:
      return {
        heading: 'This app asks for what cannot be done',
        what: 'Its request has a fault, so that nobody was signed in and nothing was sent.',
        fix: tellItsMakers,
      }
  }
}
