import type { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import type { OrganizationId, ServiceId } from '../ids.ts'

/** What every record has. `version` starts at 1 and is only for compare-and-set. */
export interface Stored {
  readonly id: string
  readonly organizationId: OrganizationId
  readonly version: number
}

/** An index over a collection: the keys under which a document is listed, none to many. */
export interface Index<T> {
  keys(document: T): readonly string[]
  /** At most one document a key: within the organization, or everywhere if `deploymentWide`. */
  unique?: true
  /** `locate` may find it without knowing the organization. */
  deploymentWide?: true
}

/** What a domain keeps. Stored documents are plain JSON; times are epoch milliseconds named `…At`. */
export interface Collection<T extends Stored> {
  readonly name: string
  readonly schema: z.ZodType<T>
  readonly indexes: Readonly<Record<string, Index<T>>>
  /** Documents are inserted and removed, never updated. */
  readonly appendOnly?: true
  /** Raised with each index that is added later. Absent: 1. The feed says by which one a document was listed. */
  readonly revision?: number
}

/** Where a document is, without what it says. */
export interface Reference<T extends Stored> {
  readonly organizationId: OrganizationId
  readonly id: T['id']
}

/** Where a list of references goes on after this one: `Page.after` of `locate`. */
export function cursorOf(reference: {
  readonly organizationId: OrganizationId
  readonly id: string
}): string {
  return `${reference.organizationId}/${reference.id}`
}

/** A part of a list, in the order of ids, which is the order of making. */
export interface Page {
  /** 1 to 1,000. */
  readonly limit: number
  /** Continue after this id (for `locate`: after this `organizationId`/`id` pair, as `cursorOf` writes it). */
  readonly after?: string
  readonly order?: 'oldest_first' | 'newest_first'
}

/** Reads. Documents come frozen, parsed by their collection's schema. Throws `store_unavailable` when the store is gone. */
export interface Records {
  find<T extends Stored>(
    organizationId: OrganizationId,
    from: Collection<T>,
    id: T['id'],
  ): Promise<T | undefined>
  list<T extends Stored>(
    organizationId: OrganizationId,
    from: Collection<T>,
    index: string,
    key: string,
    page: Page,
  ): Promise<readonly T[]>
  /** Deployment-wide indexes only: says where, never what. In the order of organization, then id. */
  locate<T extends Stored>(
    from: Collection<T>,
    index: string,
    key: string,
    page: Page,
  ): Promise<readonly Reference<T>[]>
}

// biome-ignore lint/suspicious/noExplicitAny: a list of changes mixes collections; `insert`, `update` and `remove` are the typed way in
type AnyCollection = Collection<any>

export interface Insert {
  readonly kind: 'insert'
  readonly collection: AnyCollection
  readonly after: Stored
}
export interface Update {
  readonly kind: 'update'
  readonly collection: AnyCollection
  readonly before: Stored
  readonly after: Stored
}
export interface Remove {
  readonly kind: 'remove'
  readonly collection: AnyCollection
  readonly before: Stored
}
export type Change = Insert | Update | Remove

/** @param document its `version` must be 1 */
export function insert<T extends Stored>(collection: Collection<T>, document: T): Insert {
  return { kind: 'insert', collection, after: document }
}

/** Compare-and-set: the stored version must still be that of `before`; `after` gets the next one. */
export function update<T extends Stored>(collection: Collection<T>, before: T, after: T): Update {
  return { kind: 'update', collection, before, after: { ...after, version: before.version + 1 } }
}

/** Compare-and-remove: the stored version must still be that of `before`. */
export function remove<T extends Stored>(collection: Collection<T>, before: T): Remove {
  return { kind: 'remove', collection, before }
}

/**
 * All or nothing, durable when it returns. Throws `conflict` if a version read is no longer current,
 * `already_exists` if a unique index breaks (its data names the index), `store_unavailable` if the store is gone.
 * Indexes hold for the state after all changes: a unique key may pass from one document to another in one commit.
 * A document is changed once in a commit.
 */
export type CommitChanges = (changes: readonly [Change, ...Change[]]) => Promise<void>

/** A place in the feed of changes; grows by at least one a commit. 0 is before the first. */
export type Position = number

export interface ChangedItem {
  readonly organizationId: OrganizationId
  readonly collection: string
  readonly id: string
  /** `index:key` of each deployment-wide index entry that the change made, kept or ended; so look-ups can be cached. */
  readonly located: readonly string[]
  /** Of the collection, in the program that wrote it: one of an earlier revision lists nothing under later indexes. */
  readonly revision?: number | undefined
}

/** What one commit changed. */
export interface ChangeRow {
  readonly position: Position
  readonly items: readonly ChangedItem[]
}

/** The feed of commits: none lost, in order, seen on every node within a second. Rows live an hour. */
export interface Changes {
  /** The position of the newest commit. */
  head(): Promise<Position>
  /**
   * Rows after `position`, in order, at most `limit`. `gap` says that rows between are already forgotten:
   * the follower must drop what it holds and go on from `head`.
   */
  read(
    position: Position,
    limit: number,
  ): Promise<{ readonly rows: readonly ChangeRow[]; readonly gap: boolean }>
  /** Calls `ring` soon after there may be new rows, this process's own included. Returns how to stop. */
  onBell(ring: () => void): () => void
}

/** What `oidc-provider` keeps. `payload` is sealed; `id`, `uid`, `userCode` and `grantId` are keyed hashes. */
export interface Artifact {
  readonly id: string
  readonly payload: string
  readonly uid?: string
  readonly userCode?: string
  readonly grantId?: string
  readonly accountId?: string
  readonly expiresAt?: EpochMs
  readonly consumedAt?: EpochMs
}

/** Keyed by service and model: nothing is found through another service. Expired artifacts are never returned. */
export interface Artifacts {
  upsert(serviceId: ServiceId, model: string, artifact: Artifact): Promise<void>
  find(serviceId: ServiceId, model: string, id: string): Promise<Artifact | undefined>
  findByUid(serviceId: ServiceId, model: string, uid: string): Promise<Artifact | undefined>
  findByUserCode(serviceId: ServiceId, model: string, userCode: string): Promise<Artifact | undefined>
  /** `true` for exactly one caller in the artifact's life, whatever the number of processes. */
  consume(serviceId: ServiceId, model: string, id: string): Promise<boolean>
  destroy(serviceId: ServiceId, model: string, id: string): Promise<void>
  destroyByGrant(serviceId: ServiceId, grantId: string): Promise<void>
  listByAccount(
    serviceId: ServiceId,
    model: string,
    accountId: string,
    page: Page,
  ): Promise<readonly Artifact[]>
  destroyByAccount(serviceId: ServiceId, accountId: string): Promise<void>
}

/** So many more of something in one window of time. Names are the domain's, up to 500 characters. */
export interface CounterAddition {
  readonly organizationId: OrganizationId
  readonly name: string
  /** The start of the window. */
  readonly windowAt: EpochMs
  readonly count: number
}

/** Something happened last at this time. */
export interface LatestMark {
  readonly organizationId: OrganizationId
  readonly name: string
  readonly at: EpochMs
}

export interface Counter {
  readonly name: string
  readonly windowAt: EpochMs
  readonly count: number
}

/** Usage and last use. Additions of many nodes add up; a mark only goes forward. */
export interface Counters {
  /** All or nothing. */
  record(additions: readonly CounterAddition[], marks: readonly LatestMark[]): Promise<void>
  /**
   * Adds to one counter at once, and says what it counts then: of many callers, in whichever process, each is told another
   * number. A negative count takes back what was added.
   */
  add(addition: CounterAddition): Promise<number>
  /** Counters whose name begins with `prefix`, newest window first, then by name. */
  list(
    organizationId: OrganizationId,
    prefix: string,
    page: { readonly limit: number; readonly after?: Counter },
  ): Promise<readonly Counter[]>
  latest(organizationId: OrganizationId, names: readonly string[]): Promise<ReadonlyMap<string, EpochMs>>
  /** Forgets windows that began before `before`, of names that begin with `prefix`; returns how many. */
  forget(before: EpochMs, prefix?: string): Promise<number>
}

/** A part of a trail, newest first: ids are ordered by time. */
export interface TrailPage {
  /** 1 to 1,000. */
  readonly limit: number
  /** Only ids before this one: the last of the page before, or the end of a stretch of time. */
  readonly before?: string
  /** Only ids from this one on. */
  readonly from?: string
}

/**
 * What happens so often that it is written down in batches, beside the feed of changes: entries of `appendOnly`
 * collections, never changed, listed newest first, forgotten by age. An id is unique within an organization.
 */
export interface Trails {
  /**
   * An entry that is already there by its id is passed over: whoever does not know whether a batch arrived appends it
   * again. Durable when it returns; after an error some of it may be there.
   * @returns the entries that were new
   */
  append<T extends Stored>(to: Collection<T>, entries: readonly T[]): Promise<readonly T[]>
  /** Of indexes that are not deployment-wide. */
  list<T extends Stored>(
    organizationId: OrganizationId,
    from: Collection<T>,
    index: string,
    key: string,
    page: TrailPage,
  ): Promise<readonly T[]>
  /** Of deployment-wide indexes: entries of all organizations under a key. */
  listAcross<T extends Stored>(
    from: Collection<T>,
    index: string,
    key: string,
    page: TrailPage,
  ): Promise<readonly T[]>
  /** Deletes, in parts, entries whose ids come before `before`; returns how many. Safe from many nodes at once. */
  forget<T extends Stored>(from: Collection<T>, before: string): Promise<number>
}

/** One store: what an adapter's `open` returns. */
export interface Store {
  readonly records: Records
  readonly commit: CommitChanges
  readonly artifacts: Artifacts
  readonly counters: Counters
  readonly trails: Trails
  readonly changes: Changes
  /** Resolves if the store answers now; throws `store_unavailable` otherwise. */
  ping(): Promise<void>
  /** Deletes what has expired: artifacts, and rows of the feed older than an hour. Safe from many nodes at once. */
  sweep(): Promise<void>
  /** Finishes the writes under way, then lets go. */
  close(): Promise<void>
}
