/** One server-sent event (HTML standard §9.2). */
export interface ServerSentEvent {
  readonly event: string
  readonly id: string
  readonly data: string
}

/** An event longer than this is no event of ours. */
const bufferLengthMax = 4_000_000

/**
 * Reads server-sent events as they come, until the stream ends.
 */
export async function* serverSentEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  let buffer = ''
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    buffer += text
    if (buffer.length > bufferLengthMax) throw new Error('the event stream holds an event that is too long')
    // A `\r` at the end may be the half of a `\r\n`.
    const blocks = buffer.replace(/\r\n|\r(?!$)/g, '\n').split('\n\n')
    buffer = blocks.pop() ?? ''
    for (const block of blocks) yield eventOf(block)
  }
}

function eventOf(block: string): ServerSentEvent {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    const at = line.indexOf(':')
    const name = at < 0 ? line : line.slice(0, at)
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '')
    if (name === 'data' && fields.has('data')) fields.set('data', `${fields.get('data')}\n${value}`)
    else if (name !== '') fields.set(name, value)
  }
  return {
    event: fields.get('event') ?? 'message',
    id: fields.get('id') ?? '',
    data: fields.get('data') ?? '',
  }
}
