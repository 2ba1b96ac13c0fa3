/**
 * Tokens and money in words.
 */
import type { Tokens, Used } from "../../api/services";
import { count, DASH, number, SPACE } from "../../format";

/** What is said of a cost that no price is known for. */
export const NO_PRICE = "no price";

const SIGNS: Record<string, string> = { USD: "$" };

/** `$ 3.10`; small amounts keep two digits that mean something. */
export function money({ cost, currency }: Pick<Used, "cost" | "currency">): string {
  if (cost === null) return NO_PRICE;
  const sign = SIGNS[currency] ?? currency;
  const digits = cost > 0 && cost < 0.1 ? String(Number(cost.toPrecision(2))) : number(cost);
  return `${sign}${SPACE}${digits}`;
}

const LARGE: readonly [number, string][] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e4, "k"],
];

/** 1.64 M; whole below ten thousand. */
export function tokens(value: number | null): string {
  if (value === null) return DASH;
  const [size, unit] = LARGE.find(([from]) => value >= from) ?? [1, ""];
  if (size === 1) return count(value);
  return number(value / (unit === "k" ? 1e3 : size)) + SPACE + unit;
}

/** "60 % cached", "20 % reasoning": a part of the whole; empty where it is not told. */
export function part(of: number | null, whole: number | null, word: string): string {
  if (of === null || !whole) return "";
  return `${Math.round((100 * of) / whole)}${SPACE}% ${word}`;
}

/** All tokens of a thing, in and out. */
export function allTokens({ input, output }: Tokens): number | null {
  return input === null && output === null ? null : (input ?? 0) + (output ?? 0);
}
