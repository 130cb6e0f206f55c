import type { Collection } from '../../src/storage/ports.ts'
import { type Resource, resources } from '../../src/tags/resource.ts'

const { shared: _shared, ...indexes } = resources.indexes
const { revision: _revision, ...rest } = resources

/** Resources as 0.3.0 declares them: what is committed with it is written as a node of that version writes it. */
export const resourcesBefore: Collection<Resource> = { ...rest, indexes }
