import type { IncomingMessage, ServerResponse } from 'node:http'

/** By then a client that takes what it is sent has taken it. */
const cutAfterMs = 1_000

/**
 * Cuts the connection of an exchange that should be over and is not so soon: a client that takes no answer, or does not
 * leave off sending, is not to hold it.
 */
export function cutSoon(request: IncomingMessage, response: ServerResponse): void {
  // Taken now: a request whose reading has ended lets go of it.
  const { socket } = request
  setTimeout(() => {
    // Where it is over, the connection may be another request's by now.
    if (!request.complete || !response.writableFinished) socket.destroy()
  }, cutAfterMs).unref()
}
