/**
 * The verdicts of one comparison, what matters most first, each with its interval.
 */
import type { Answer, Verdict } from "../../api/types";
import { Forest, reachOf } from "../../charts/forest";
import { MetricName } from "../../components/metric-name";
import { intervalInWords, leaningInWords, VerdictTag } from "../../components/tag";
import { change, count, duration } from "../../format";

const ORDER: Record<Answer, number> = { regressed: 0, inconclusive: 1, improved: 2, stable: 3 };
const PLURAL: Record<Answer, string> = {
  regressed: "regressed",
  inconclusive: "inconclusive",
  improved: "improved",
  stable: "stable",
};

export function Verdicts({ verdicts }: { verdicts: readonly Verdict[] }) {
  if (verdicts.length === 0) {
    return <p class="calm">Nothing to compare: no figure of the baseline has recent samples.</p>;
  }
  const rows = [...verdicts].sort((a, b) => ORDER[a.answer] - ORDER[b.answer]);
  const reach = reachOf(rows);
  return (
    <div class="verdicts">
      <p class="meta">{tally(rows)}</p>
      <table class="wide">
        <thead>
          <tr>
            <th scope="col">Figure</th>
            <th scope="col" class="words">
              Verdict
            </th>
            <th scope="col">Change</th>
            <th scope="col" class="opt plot-cell">
              <span class="ends">
                <span>{`\u2212${Math.round(reach)}`}</span>
                <span>margin shaded</span>
                <span>{`+${Math.round(reach)}\u00a0%`}</span>
              </span>
            </th>
            <th scope="col" class="opt">
              Effect
            </th>
            <th scope="col" class="opt">
              Effective n
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((verdict) => (
            <Row key={verdict.id} verdict={verdict} reach={reach} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function tally(rows: readonly Verdict[]): string {
  return (Object.keys(ORDER) as Answer[])
    .map((answer) => ({ answer, n: rows.filter((row) => row.answer === answer).length }))
    .filter(({ n }) => n > 0)
    .map(({ answer, n }) => `${count(n)} ${PLURAL[answer]}`)
    .join(" · ");
}

function Row({ verdict, reach }: { verdict: Verdict; reach: number }) {
  const { effect, effective_n: n, needs_more: more } = verdict;
  return (
    <tr>
      <td class="wrap" title={verdict.method}>
        <MetricName name={verdict.metric} />{" "}
        {verdict.target && <span class="soft">{verdict.target}</span>}
        {more && (
          <div class="soft">needs {typeof more === "number" ? duration(more) : more} more</div>
        )}
      </td>
      <td class="words">
        <VerdictTag verdict={verdict} />
        <div class="soft">{leaningInWords(verdict)}</div>
        {verdict.severity && verdict.answer === "regressed" && (
          <span class="soft"> {verdict.severity}</span>
        )}
      </td>
      <td>
        {change(verdict.change_percent)}
        <div class="soft">{intervalInWords(verdict)}</div>
      </td>
      <td class="opt plot-cell">
        <Forest verdict={verdict} reach={reach} />
      </td>
      <td class="opt soft">{effect?.class ?? "–"}</td>
      <td class="opt">{n ? `${count(n[0])}, ${count(n[1])}` : "–"}</td>
    </tr>
  );
}
