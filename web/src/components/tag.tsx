/**
 * The word for a verdict or a severity. The word always stands beside the colour.
 */
import type { Answer, Level, TileVerdict, Verdict } from "../api/types";
import { change } from "../format";

type Tone = "worse" | "better" | "stable" | "unsure";

export function Tag({ tone, children, title }: { tone: Tone; children: string; title?: string }) {
  return (
    <span class={`tag ${tone}`} title={title}>
      {children}
    </span>
  );
}

const TONES: Record<Answer, Tone> = {
  regressed: "worse",
  improved: "better",
  stable: "stable",
  inconclusive: "unsure",
};

export function levelTone(level: Level | null): Tone {
  if (level === "critical") return "worse";
  return level === "warning" ? "unsure" : "stable";
}

/** Where an inconclusive verdict leans: "leans worse", or null. */
export function leaningInWords({ answer, leaning }: TileVerdict | Verdict): string | null {
  if (answer !== "inconclusive" || !leaning) return null;
  const words: Record<string, string> = { regressed: "worse", improved: "better" };
  return `leans ${words[leaning] ?? leaning}`;
}

/** "−12.2 to −6.10 %", or null where the interval is not known. */
export function intervalInWords({ interval }: TileVerdict | Verdict): string | null {
  const low = interval?.[0];
  const high = interval?.[1];
  if (low === null || low === undefined || high === null || high === undefined) return null;
  return `${change(low).replace(/\s%$/, "")} to ${change(high)}`;
}

/** "+18.2 % (+12.1 to +24.4 %)", or nothing where the change is not known. */
export function changeInWords(verdict: TileVerdict | Verdict): string {
  const { change_percent: percent } = verdict;
  if (percent === null || percent === undefined) return "";
  const interval = intervalInWords(verdict);
  return interval ? `${change(percent)} (${interval})` : change(percent);
}

export function VerdictTag({ verdict }: { verdict: TileVerdict | Verdict }) {
  const { answer } = verdict;
  return (
    <Tag tone={TONES[answer] ?? "stable"} title={changeInWords(verdict)}>
      {answer}
    </Tag>
  );
}
