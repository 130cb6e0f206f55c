/**
 * Black or white, whichever is easier to read on a colour. One of them always has a contrast of more than 4.5:1
 * (WCAG 2.2, 1.4.3): the product of the two is 21, so the larger is at least √21, 4.58. No colour needs to be refused.
 * @param colour `#rrggbb`
 */
export function textOn(colour: string): '#000' | '#fff' {
  const light = luminance(colour)
  return (light + 0.05) / 0.05 > 1.05 / (light + 0.05) ? '#000' : '#fff'
}

/** Relative luminance, 0 to 1 (WCAG 2.2, definitions). */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
