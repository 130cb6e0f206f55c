// From the start of the process to the first token of its first key: on an empty store, and on one that is there.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Place, sqlitePlace, startNode, tokenFor } from './deployment.ts'
import { quantile, type Row } from './table.ts'

const runs = 5

export async function measureStart(): Promise<readonly Row[]> {
  const first: number[] = []
  const again: number[] = []
  for (let run = 0; run < runs; run++) {
    const place = sqlitePlace()
    first.push(await firstTokenMs(place))
    again.push(await firstTokenMs(place))
    await place.remove()
  }
  const rowOf = (what: string, samples: readonly number[]): Row => ({
    what: `start to first token, SQLite, ${what}`,
    figure: `median ${quantile(samples, 0.5).toFixed(0)} ms, most ${Math.max(...samples).toFixed(0)} ms (${runs} starts)`,
    bar: '< 1,000 ms',
    met: quantile(samples, 0.5) < 1_000,
  })
  return [rowOf('empty store', first), rowOf('a store that is there', again)]
}

async function firstTokenMs(place: Place): Promise<number> {
  const began = performance.now()
  const node = await startNode(place)
  const file = JSON.parse(readFileSync(join(place.dataFolder, 'operator-key.json'), 'utf8')) as Record<
    string,
    string
  >
  // The operator's key keeps the origin of the first start; the address is this start's.
  await tokenFor(`${node.listensAt}/latchkey`, file['client_id'] ?? '', file['client_secret'] ?? '')
  const ms = performance.now() - began
  await node.stop()
  return ms
}
