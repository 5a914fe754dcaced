/** Text of strangers on a terminal: a Call-ID or a display name may hold anything, and moves no cursor here. */

/** What a terminal obeys or does not show: control characters, and those that turn the direction of writing. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu;

/** @param width longer text loses its middle */
export function visible(text: string, width = Number.POSITIVE_INFINITY): string {
  const characters = [...text.replace(INVISIBLE, '\u{fffd}')];
  if (characters.length <= width) {
    return characters.join('');
  }
  const tail = Math.floor((width - 1) / 3);
  return `${characters.slice(0, width - 1 - tail).join('')}…${tail === 0 ? '' : characters.slice(-tail).join('')}`;
}
