/** What a response says before its body. */
export interface ResponseHead {
  readonly status: number
  readonly mediaType: string | undefined
  readonly contentEncoding: string | undefined
  readonly contentRange: string | undefined
}

/** A response that goes out instead. */
export interface ReplacedResponse {
  readonly status: number
  readonly body: string
  /** To be set, beside those of the API. */
  readonly headers: Readonly<Record<string, string>>
}

/** What is to be done with a response before it leaves. */
export interface ResponseDuty {
  /** `pass`: nothing, whatever the body. `discard`: the body plays no part, and need not be read. */
  at(head: ResponseHead): 'pass' | 'hold' | 'discard'
  /**
   * Never rejects.
   * @param body `undefined`: it was discarded, or is longer than is held
   * @returns `undefined`: the response goes out as it is
   */
  settle(head: ResponseHead, body: Uint8Array | undefined): Promise<ReplacedResponse | undefined>
  /** Request headers that the API must not see: what it made of them would not be what is shown. */
  readonly unasked: readonly string[]
}

/** So much of a response is held back; a longer one is as good as none. */
export interface ResponseLimits {
  readonly bytesMax: number
}

/** @throws {TypeError} for limits that cannot work */
export function responseLimitsOf({ bytesMax = 16_777_216 }: Partial<ResponseLimits> = {}): ResponseLimits {
  if (!(bytesMax >= 1 && bytesMax <= 2 ** 28))
    throw new TypeError(`heldResponse.bytesMax must be 1 to ${2 ** 28}, not ${bytesMax}`)
  return { bytesMax }
}

/** They tell of the API's own response: its length, what it hashes to, when it changed, a part of it. */
export const headersOfReplaced = [
  ...['content-length', 'etag', 'last-modified', 'content-md5', 'digest', 'content-digest', 'repr-digest'],
  ...['accept-ranges', 'content-range', 'content-encoding', 'trailer'],
] as const

export function headOf(status: number, header: (name: string) => unknown): ResponseHead {
  const text = (name: string) => {
    const value = header(name)
    return value === undefined || value === null || value === '' ? undefined : String(value)
  }
  return {
    status,
    mediaType: text('content-type'),
    contentEncoding: text('content-encoding'),
    contentRange: text('content-range'),
  }
}
