/**
 * Counts so many calls more of the guard's key that asks.
 * @throws {HttpRefusal} `rate_limited`
 */
export type Spend = (calls: number) => void
