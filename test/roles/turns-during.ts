/** How often others had their turn of the event loop. */
export async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  const count = setInterval(() => turns++, 1)
  await work()
  clearInterval(count)
  return turns
}
