import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ejs from 'ejs'

const views = new URL('../../views/', import.meta.url)

/** Renders one view; its data is `page`. Values are escaped by `<%=`; `<%-` is for other views alone. */
export type View<Page extends object> = (page: Page) => string

/**
 * Reads and compiles a view once.
 * @param name its path below `views/`, without the extension
 */
export function view<Page extends object>(name: string): View<Page> {
  const filename = fileURLToPath(new URL(`${name}.ejs`, views))
  const template = ejs.compile(readFileSync(filename, 'utf8'), {
    filename,
    strict: true,
    localsName: 'page',
  })
  return (page) => template(page)
}

/** A file that pages refer to: a style sheet. */
export function asset(name: string): Buffer {
  return readFileSync(new URL(name, views))
}
