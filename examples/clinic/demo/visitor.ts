import { Browser, type Page } from './browser.ts'
import type { Story } from './story.ts'

/** A person at a browser, of whom the story tells what they do and see. */
export class Visitor {
  readonly name: string
  readonly #story: Story
  readonly #browser = new Browser()
  #page: Page | undefined

  constructor(story: Story, name: string) {
    this.#story = story
    this.name = name
  }

  /** What the page says below its heading. */
  get sees(): string {
    return this.#page?.text.replace(/^.*\n/, '') ?? ''
  }

  /** @param title what the page is called to which this leads, or its beginning */
  async open(url: string, title: string, status = 200): Promise<void> {
    this.#story.say(`${this.name} opens ${new URL(url).origin}${new URL(url).pathname}`)
    this.#see(await this.#browser.open(url), title, status)
  }

  /**
   * Fills in fields, and presses a button.
   * @param title what the page is called to which this leads, or its beginning
   */
  async press(
    label: string,
    fill: Readonly<Record<string, string>>,
    title: string,
    status = 200,
  ): Promise<void> {
    if (this.#page === undefined) throw new Error(`${this.name} has not opened a page`)
    const filled = Object.entries(fill).map(
      ([name, value]) => `${name}: ${name.includes('password') ? '•••' : value}`,
    )
    this.#story.say(`${this.name} presses “${label}”${filled.length === 0 ? '' : ` (${filled.join(', ')})`}`)
    this.#see(await this.#browser.press(this.#page, label, fill), title, status)
  }

  /** Opens it again and again until this page comes, and tells of that alone. Answers after how many milliseconds. */
  async openUntil(url: string, title: string, status: number, withinMs: number): Promise<number> {
    const begunAt = performance.now()
    let page = await this.#browser.open(url)
    while (!page.title.startsWith(title) && performance.now() - begunAt < withinMs)
      page = await this.#browser.open(url)
    const tookMs = Math.ceil(performance.now() - begunAt)
    this.#see(page, title, status)
    return tookMs
  }

  #see(page: Page, title: string, status: number): void {
    this.#page = page
    this.#story.sees(page)
    this.#story.check(
      page.title.startsWith(title) && page.status === status,
      `that page should be “${title}” with ${status}, not “${page.title}” with ${page.status}: ${page.text}`,
    )
  }
}
