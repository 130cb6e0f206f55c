import type { Fault } from '../errors.ts'
import { nearest } from '../evaluator/nearest.ts'

/** A policy as a text writes it, with the line of each part. */
export interface PolicyText {
  readonly allow: readonly PolicyList[]
  readonly filter: readonly PolicyList[]
  /** By the pointers of what was made of them: `/allow/0/operations/1`. */
  readonly lines: ReadonlyMap<string, number>
  readonly faults: readonly Fault[]
}

/** A list of operations, with what is said of all of them. */
type PolicyList = { readonly operations: readonly string[] } & Readonly<Record<string, unknown>>

type Section = 'allow' | 'filter'

const heading = /^([A-Za-z]+)\s*:\s*(.*)$/
const bullet = /^[-–—•*]\s*(.+)$/
/** Other names of a list: they mean no more than that one begins. */
const listHeadings = ['api', 'apis', 'operations']
const known = ['type', 'allow', 'filter', ...listHeadings, 'where', 'fields', 'mask']

/**
 * Reads the layout of policies that documentation elsewhere publishes, which is not YAML: `allow` may stand repeatedly,
 * bullets may be dashes of any length, and `where` stands at the level of the list that it is of, on one line or more.
 */
export function readPolicyText(text: string): PolicyText {
  const reading = new Reading()
  for (const [i, line] of text.split(/\r\n|\r|\n/).entries()) reading.read(line, i + 1)
  return reading.end()
}

interface OpenList {
  readonly pointer: string
  readonly operations: string[]
  /** Line by line. */
  readonly said: Map<string, string[]>
}

class Reading {
  readonly #lists: Record<Section, OpenList[]> = { allow: [], filter: [] }
  readonly #lines = new Map<string, number>()
  readonly #faults: Fault[] = []
  #section: Section | undefined
  #list: OpenList | undefined
  /** What further lines go on with. */
  #open: string | undefined

  read(line: string, number: number): void {
    const text = line.trim()
    if (text === '' || text.startsWith('#') || text === '---') return
    const entry = bullet.exec(text)?.[1]
    const [, name = '', value = ''] = heading.exec(text) ?? []
    const key = known.find((one) => one.toLowerCase() === name.toLowerCase())
    if (entry !== undefined) this.#addEntry(unquoted(entry), number)
    else if (key !== undefined) this.#addHeading(key, value.trim(), number)
    else if (this.#open !== undefined && this.#list !== undefined) this.#goOn(this.#list, this.#open, text)
    else {
      const meant = nearest(name, known)
      const otherwise = `write ${known.slice(1).join(', ')}, or a list with -`
      const shown = text.slice(0, 60).toWellFormed()
      this.#refuse(
        number,
        `${shown} is no part of a policy`,
        meant === undefined ? otherwise : `did you mean ${meant}?`,
      )
    }
  }

  end(): PolicyText {
    if (this.#lists.allow.length === 0 && this.#faults.length === 0)
      this.#refuse(1, 'the policy allows nothing', 'begin with allow: and list operations under it')
    return {
      allow: this.#lists.allow.map(closed),
      filter: this.#lists.filter.map(closed),
      ...{ lines: this.#lines, faults: this.#faults },
    }
  }

  #addHeading(key: string, value: string, number: number): void {
    this.#open = undefined
    const isOfList = key === 'allow' || key === 'filter' || listHeadings.includes(key)
    // What is passed over could be what its author means to show, or to allow, alone.
    if (isOfList && value !== '' && !value.startsWith('#')) {
      this.#refuse(number, `nothing stands behind ${key}: on its line`, 'list it on lines below, each with -')
      return
    }
    if (key === 'allow' || key === 'filter') {
      this.#section = key
      this.#list = undefined
    } else if (listHeadings.includes(key)) this.#list = undefined
    else if (key !== 'type') this.#say(key, value, number)
    else if (value.toLowerCase() !== 'openapi')
      this.#refuse(
        number,
        `a policy of the type ${value} is not known`,
        'write type: openAPI, or leave it out',
      )
  }

  #addEntry(entry: string, number: number): void {
    this.#open = undefined
    if (this.#section === undefined) {
      this.#refuse(number, 'the list is of nothing', 'write allow: or filter: before it')
      return
    }
    // What is said of a list stands behind it, so that an entry after that begins another one.
    if (this.#list === undefined || this.#list.said.size > 0)
      this.#list = this.#newList(this.#section, number)
    this.#lines.set(`${this.#list.pointer}/operations/${this.#list.operations.length}`, number)
    this.#list.operations.push(entry)
  }

  #newList(section: Section, number: number): OpenList {
    const lists = this.#lists[section]
    const list: OpenList = { pointer: `/${section}/${lists.length}`, operations: [], said: new Map() }
    lists.push(list)
    this.#lines.set(list.pointer, number)
    return list
  }

  #say(key: string, value: string, number: number): void {
    if (this.#list === undefined)
      this.#refuse(number, `${key} is of no list`, 'write it behind the list of operations that it is of')
    else if (this.#list.said.has(key))
      this.#refuse(number, `${key} stands twice behind one list`, 'join conditions by AND or OR')
    else {
      this.#lines.set(`${this.#list.pointer}/${key}`, number)
      this.#list.said.set(key, value === '' ? [] : [value])
      this.#open = key === 'where' ? key : undefined
    }
  }

  #goOn({ said }: OpenList, key: string, text: string): void {
    said.get(key)?.push(text)
  }

  #refuse(number: number, detail: string, fix: string): void {
    this.#faults.push({ pointer: '/policy', detail: `line ${number}: ${detail}`, fix })
  }
}

function closed({ operations, said }: OpenList): PolicyList {
  const entries = Array.from(said, ([key, lines]) => {
    const value = lines.join(' ')
    return [key, key === 'fields' ? listOf(value) : unquotedOf(key, value)]
  })
  return { operations, ...Object.fromEntries(entries) }
}

function listOf(value: string): readonly string[] {
  const inner = /^\[(.*)\]$/.exec(value)?.[1] ?? value
  return inner
    .split(',')
    .map((field) => unquoted(field.trim()))
    .filter((field) => field !== '')
}

/** A condition's quotes are its own. */
function unquotedOf(key: string, value: string): string {
  return key === 'where' ? value : unquoted(value)
}

function unquoted(text: string): string {
  return /^(['"])(.*)\1$/.exec(text)?.[2] ?? text
}
