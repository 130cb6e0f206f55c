import { quantile } from './table.ts'

/**
 * Does the work again and again, on so many connections at once, for so long; what is under way then is finished, so
 * that nothing is left half done at the server.
 * @param work is given the number of its connection, from 0; resolves to whether it went well
 */
export async function repeat(
  work: (connection: number) => Promise<boolean>,
  connections: number,
  seconds: number,
): Promise<{ perSecond: number; p50Ms: number; p99Ms: number; errors: number }> {
  const samples: number[] = []
  let errors = 0
  const began = performance.now()
  const until = began + seconds * 1_000
  const goOn = async (connection: number) => {
    while (performance.now() < until) {
      const start = performance.now()
      if (!(await work(connection).catch(() => false))) errors += 1
      samples.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: connections }, (_, i) => goOn(i)))
  const took = (performance.now() - began) / 1_000
  const rounded = (share: number) => Math.round(quantile(samples, share) * 10) / 10
  return { perSecond: samples.length / took, p50Ms: rounded(0.5), p99Ms: rounded(0.99), errors }
}
