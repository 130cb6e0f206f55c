import type { Db, Collection as Table } from 'mongodb'
import type { Counter, LatestMark, Stored } from '../../src/storage/ports.ts'

/**
 * A document of a domain. `_id` is `organization/collection/id`, so that the shard key begins with the organization.
 * The document is JSON text, not BSON: names with dots, dollars or NUL in them, any depth and every number come back
 * as they went in, nothing queries into it, and `JSON.parse` is faster than the driver's reader.
 */
export interface RecordRow {
  readonly _id: string
  readonly organizationId: string
  readonly collection: string
  readonly id: string
  readonly version: number
  readonly document: string
  /** `index:key` of every entry in an index: what `list` finds it by. */
  readonly listed: readonly string[]
  /** The `_id`s of what it holds in `keys` and `deployment_keys`. */
  readonly held: Held
}

/** Entries outside of the record itself. */
export interface Held {
  readonly inOrganization: readonly string[]
  readonly inDeployment: readonly string[]
}

/** Who holds a key. `_id` is the key itself: that it is unique is what makes the index unique. */
export interface KeyRow {
  readonly _id: string
  readonly organizationId: string
  readonly id: string
}

/** One commit, under its position. */
export interface ChangesRow {
  readonly _id: number
  readonly at: number
  readonly items: readonly {
    readonly organizationId: string
    readonly collection: string
    readonly id: string
    readonly located: readonly string[]
    readonly revision?: number | undefined
  }[]
}

export interface ArtifactRow {
  readonly _id: string
  readonly serviceId: string
  readonly model: string
  readonly id: string
  readonly payload: string
  readonly uid?: string
  readonly userCode?: string
  readonly grantId?: string
  readonly accountId?: string
  readonly expiresAt?: number
  readonly consumedAt?: number
  readonly writtenAt: number
  /** For the server's own deletion, which wants a date. */
  readonly expiresOn?: Date
}

export interface CounterRow extends Counter {
  readonly _id: string
  readonly organizationId: string
}

export interface MarkRow {
  readonly _id: string
  readonly organizationId: string
  readonly name: string
  readonly at: LatestMark['at']
}

/** An entry of a trail. `_id` and document as those of a record. */
export interface TrailRow {
  readonly _id: string
  readonly organizationId: string
  readonly collection: string
  readonly id: string
  readonly document: string
  /** `index:key` of what it is listed under within its organization. */
  readonly listed: readonly string[]
  /** The same across organizations. */
  readonly located: readonly string[]
}

export interface MetaRow {
  readonly _id: string
  readonly version?: number
  readonly position?: number
}

export interface Tables {
  readonly records: Table<RecordRow>
  readonly keys: Table<KeyRow>
  readonly deploymentKeys: Table<KeyRow>
  readonly changes: Table<ChangesRow>
  readonly artifacts: Table<ArtifactRow>
  readonly counters: Table<CounterRow>
  readonly latestMarks: Table<MarkRow>
  readonly trails: Table<TrailRow>
  readonly meta: Table<MetaRow>
}

export function tablesOf(db: Db): Tables {
  return {
    records: db.collection('records'),
    keys: db.collection('keys'),
    deploymentKeys: db.collection('deployment_keys'),
    changes: db.collection('changes'),
    artifacts: db.collection('artifacts'),
    counters: db.collection('counters'),
    latestMarks: db.collection('latest_marks'),
    trails: db.collection('trails'),
    meta: db.collection('meta'),
  }
}

/** The newest position, in `meta`. */
export const feedId = 'feed'
/** The version of the schema, in `meta`. */
export const schemaId = 'schema'

export function recordId(collection: string, document: Pick<Stored, 'organizationId' | 'id'>): string {
  return `${organizationPart(document.organizationId)}/${collection}/${document.id}`
}

/**
 * An organization's id within an `_id`: as it is. Were it ever another text, it would still end where its separator
 * stands, so that no two places have one `_id`.
 */
export function organizationPart(organizationId: string): string {
  return encodeURIComponent(organizationId)
}

/** The organization of which a record's `_id` begins. */
export function organizationIn(recordId: string): string {
  return decodeURIComponent(recordId.slice(0, recordId.indexOf('/')))
}
