import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ejs from 'ejs'

const views = new URL('../../views/', import.meta.url)

/** Characters that change how the text around them is read: controls, changes of direction, halves of a character. */
const hidden = /(?![\t\n])[\p{Cc}\p{Cs}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu

/** Text of anybody as HTML, in an element or in a quoted attribute. */
function escaped(value: unknown): string {
  return value === undefined || value === null ? '' : ejs.escapeXML(String(value).replaceAll(hidden, ''))
}

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
    escape: escaped,
    // Of the views that it includes: they are read once, too.
    cache: true,
  })
  return (page) => template(page)
}

/** A file beside the views: a style sheet. */
export function asset(name: string): Buffer {
  return readFileSync(new URL(name, views))
}
