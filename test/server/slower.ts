/** Loaded into a server before its own code: it answers a request so much later as the request's `x-slower-ms` says. */
import { IncomingMessage, Server } from 'node:http'

// Declared with an overload for each event.
const { emit } = Server.prototype as { emit: (this: Server, ...given: unknown[]) => boolean }

Object.assign(Server.prototype, {
  emit(this: Server, ...given: unknown[]) {
    const [event, asked] = given
    if (event === 'request' && asked instanceof IncomingMessage)
      idle(Number(asked.headers['x-slower-ms'] ?? 0))
    return emit.apply(this, given)
  },
})

/** Not with a timer, which is late by up to a millisecond. */
function idle(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}
