/**
 * Where the names of marks stand, so that none covers another.
 *
 * 1. Marks of one name that are close together are named once, with how many they are.
 * 2. A name stands at the right of its line, or at the left where there is no room, in the first
 *    row in which nothing is in its way. One that finds none of `ROWS_MAX` rows is left out; its
 *    line is drawn all the same.
 * 3. A name longer than its share of the width is cut.
 *
 * Pure; all lengths are in the pixels of the canvas.
 */

/** A name to place, at the line it belongs to. */
export interface Wanted {
  x: number;
  words: string;
}

/** A name that has a place: which one it is, what it says, from where to where, in which row. */
export interface Placed {
  index: number;
  words: string;
  left: number;
  width: number;
  row: number;
}

export interface Room {
  left: number;
  width: number;
  /** Between a line and its name, and between names. */
  gap: number;
  measure: (words: string) => number;
}

export const ROWS_MAX = 3;
/** The most of the width that one name takes. */
const SHARE_MAX = 0.4;

export function placeLabels(wanted: readonly Wanted[], room: Room): Placed[] {
  const taken: Placed[] = [];
  for (const { index, words, x } of named(wanted, room)) {
    const shown = fitted(words, room.width * SHARE_MAX, room.measure);
    const width = room.measure(shown);
    const end = room.left + room.width;
    const right = x + room.gap + width <= end;
    const left = right ? x + room.gap : Math.max(room.left, x - room.gap - width);
    const row = freeRow(left, width, taken, room.gap);
    if (row !== null) taken.push({ index, words: shown, left, width, row });
  }
  return taken;
}

/** The marks that get a name: the first of those that are the same and near. */
function named(wanted: readonly Wanted[], room: Room): { index: number; words: string; x: number }[] {
  const order = wanted.map((one, index) => ({ ...one, index })).sort((a, b) => a.x - b.x);
  const groups: { index: number; words: string; x: number; many: number }[] = [];
  for (const { words, x, index } of order) {
    const same = groups.findLast((group) => group.words === words);
    const width = Math.min(room.measure(words), room.width * SHARE_MAX);
    if (same && x - same.x < width + 2 * room.gap) same.many += 1;
    else groups.push({ index, words, x, many: 1 });
  }
  return groups.map(({ many, ...one }) =>
    many === 1 ? one : { ...one, words: `${many} × ${one.words}` },
  );
}

function freeRow(
  left: number,
  width: number,
  taken: readonly Placed[],
  gap: number,
): number | null {
  for (let row = 0; row < ROWS_MAX; row++) {
    const clear = taken.every(
      (one) => one.row !== row || left >= one.left + one.width + gap || left + width + gap <= one.left,
    );
    if (clear) return row;
  }
  return null;
}

/** The words, cut at their end until they are no wider than `most`. */
function fitted(words: string, most: number, measure: (words: string) => number): string {
  if (measure(words) <= most) return words;
  const characters = [...words];
  let shown = characters.length;
  const cut = (): string => `${characters.slice(0, shown).join("").trimEnd()}…`;
  while (shown > 1 && measure(cut()) > most) shown -= 1;
  return cut();
}
