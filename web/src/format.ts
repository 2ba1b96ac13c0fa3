/**
 * Numbers, units and times as the page writes them.
 *
 * Three significant digits with their zeros kept, so that a live number never jumps in width;
 * thousands parted by a narrow space; bytes in binary units. What is unknown is a dash.
 */

/** Narrow no-break space: parts thousands. */
export const THIN = "\u202f";
/** No-break space: parts a number from its unit. */
export const SPACE = "\u00a0";
export const DASH = "–";
const MINUS = "\u2212";

/** A number and its unit, apart, because the unit is written softer. */
export interface Quantity {
  value: string;
  unit: string;
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const SI_PREFIXES = ["", "k", "M", "G", "T"];

export function groupThousands(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
}

/** A whole number with its thousands parted: 18 432. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return DASH;
  const rounded = Math.round(value);
  return (rounded < 0 ? MINUS : "") + groupThousands(String(Math.abs(rounded)));
}

/** Three significant digits, never more than two decimals: 0.12, 1.24, 12.4, 124, 1 240. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return DASH;
  const size = Math.abs(value);
  const decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  const digits = size.toFixed(decimals);
  const [whole = "0", fraction] = digits.split(".");
  const sign = value < 0 && Number(digits) !== 0 ? MINUS : "";
  return sign + groupThousands(whole) + (fraction ? `.${fraction}` : "");
}

const UNIT_WORDS: Record<string, string> = { "1": "", bytes: "B", seconds: "s" };

/** UCUM as the server writes it, in the words of the page: `By/s` is B/s, `{process}` process. */
function readable(unit: string): string {
  return UNIT_WORDS[unit] ?? unit.replace(/By/g, "B").replace(/[{}]/g, "");
}

/** A size that values are written in: what to divide by, and what it is called. */
interface Scale {
  divisor: number;
  unit: string;
  whole: boolean;
}

/** The scale in which `value` has one to three digits before the point. */
function scaleOf(value: number, unit: string): Scale {
  const size = Math.abs(value);
  if (unit === "B") return scaled(size, BYTE_UNITS, 1024, "");
  if (unit === "B/s") return scaled(size, BYTE_UNITS, 1024, "/s");
  if (unit === "s" && size > 0 && size < 1) {
    const milli = size >= 1e-3;
    return { divisor: milli ? 1e-3 : 1e-6, unit: milli ? "ms" : "µs", whole: false };
  }
  const plain = unit === "%" || unit === "" || unit === "s" || size < 10_000;
  return plain ? { divisor: 1, unit, whole: false } : scaled(size, SI_PREFIXES, 1000, unit);
}

function scaled(size: number, units: readonly string[], base: number, suffix: string): Scale {
  let divisor = 1;
  let index = 0;
  // From 1000 on, in either base: 1015 KiB would need a fourth digit, 0.99 MiB does not.
  while (size / divisor >= 999.5 && index < units.length - 1) {
    divisor *= base;
    index += 1;
  }
  const unit = (units[index] ?? "") + suffix;
  return { divisor, unit, whole: index === 0 && base === 1024 };
}

/**
 * A value split from its unit, scaled to a readable size: its own, or that of the value `like`,
 * where both stand beside each other under one unit.
 */
export function quantity(
  value: number | null | undefined,
  unit: string,
  like: number | null | undefined = value,
): Quantity {
  const scale = scaleOf(finite(like) ?? 0, readable(unit));
  const known = finite(value);
  if (known === null) return { value: DASH, unit: scale.unit };
  const size = known / scale.divisor;
  return { value: scale.whole ? count(size) : number(size), unit: scale.unit };
}

function finite(value: number | null | undefined): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** The same as one string: `9.10 GiB`. */
export function text(value: number | null | undefined, unit: string): string {
  const parts = quantity(value, unit);
  return parts.unit && parts.value !== DASH ? parts.value + SPACE + parts.unit : parts.value;
}

/** For tables that stand still: what would be 0.00 keeps two significant digits. */
export function exact(value: number | null | undefined, unit: string): string {
  const { value: digits, unit: shown } = quantity(value, unit);
  const small = finite(value) !== null && value !== 0 && /^\u2212?0\.0/.test(digits);
  if (!small) return text(value, unit);
  const size = (value as number) / scaleOf(value as number, readable(unit)).divisor;
  const words = String(Number(size.toPrecision(2))).replace("-", MINUS);
  return shown ? words + SPACE + shown : words;
}

/** Two values under the unit of the higher: `9.99 – 18.8 %`. */
export function span(
  low: number | null | undefined,
  high: number | null | undefined,
  unit: string,
): string {
  return `${quantity(low, unit, high).value} – ${exact(high, unit)}`;
}

const CHANGE_MAX = 999;

/** A change with its sign: +18.2 %. */
export function change(percent: number | null | undefined): string {
  if (percent === null || percent === undefined || !Number.isFinite(percent)) return DASH;
  // Beyond that only "very much" can be meant.
  if (percent > CHANGE_MAX) return `>+${CHANGE_MAX}${SPACE}%`;
  const digits = number(percent);
  const signed = percent > 0 && Number(percent.toFixed(2)) !== 0 ? `+${digits}` : digits;
  return `${signed}${SPACE}%`;
}

/** A length of time in its two largest units: 3 d 4 h, 5 min 12 s. */
export function duration(secondsTotal: number | null | undefined): string {
  if (secondsTotal === null || secondsTotal === undefined) return DASH;
  let rest = Math.max(0, Math.round(secondsTotal));
  const parts: string[] = [];
  for (const [size, unit] of [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const) {
    const whole = Math.floor(rest / size);
    rest -= whole * size;
    if (whole > 0) parts.push(`${whole}${SPACE}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ") || `0${SPACE}s`;
}

const two = (value: number): string => String(value).padStart(2, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** 14:02, or 14:02:05 with seconds, in the reader's time zone. */
export function clock(time: number, withSeconds = false): string {
  const date = new Date(time * 1000);
  const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return withSeconds ? `${minutes}:${two(date.getSeconds())}` : minutes;
}

/** 21 Nov. */
export function day(time: number): string {
  const date = new Date(time * 1000);
  return `${date.getDate()} ${MONTHS[date.getMonth()]}`;
}

/** A moment as briefly as is clear: the clock today, with the day otherwise. */
export function moment(time: number, now: number, withSeconds = false): string {
  const today = new Date(time * 1000).toDateString() === new Date(now * 1000).toDateString();
  return today ? clock(time, withSeconds) : `${day(time)} ${clock(time, withSeconds)}`;
}

/** Unix seconds of an RFC 3339 time or of unix seconds; null where it is neither. */
export function parseTime(time: string | number | null | undefined): number | null {
  if (time === null || time === undefined) return null;
  const found = typeof time === "number" ? time : Date.parse(time) / 1000;
  return Number.isFinite(found) ? found : null;
}
