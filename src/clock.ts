/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number

/** Tells the time of day. Given, never taken: only `main`, `cli` and the SDK's index ask the machine. */
export type Clock = () => EpochMs

/** Milliseconds from an arbitrary start, never going back; for ages and time-outs. */
export type MonotonicClock = () => number

/** Returns that many bytes from a cryptographic source. */
export type Random = (byteCount: number) => Uint8Array

/** An instant as RFC 3339 in UTC, as every JSON body shows it. */
export function rfc3339(at: EpochMs): string {
  return new Date(at).toISOString()
}
