const partMaxDefault = 1_000

/** A large deletion in parts, so that neither this event loop nor another process's writes wait for all of it. */
export async function deleteInParts(
  deletePart: (partMax: number) => Promise<number>,
  partMax = partMaxDefault,
): Promise<number> {
  for (let deleted = 0; ; ) {
    const part = await deletePart(partMax)
    deleted += part
    if (part < partMax) return deleted
  }
}
