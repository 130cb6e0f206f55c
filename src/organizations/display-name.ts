import { z } from 'zod'

/** Characters that change how the text around them is read: controls, lone surrogates, line ends, changes of direction. */
const hidden = /[\p{Cc}\p{Cs}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u

function shown(lengthMax: number) {
  return z
    .string()
    .max(lengthMax)
    .refine(
      (text) => !hidden.test(text),
      'has a control character, or one that changes the direction of text',
    )
}

/** What people call something: 1 to 100 characters, not only spaces. */
export const displayName = shown(100)
  .refine((text) => text.trim() !== '', 'is empty')
  .transform((text) => text.trim())

/** A few sentences, or nothing. */
export const displayText = shown(500)
