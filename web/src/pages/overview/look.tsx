/**
 * "Look here first": what fires and what changed, the most pressing on top.
 */
import type { Alert, Dashboard, Verdict } from "../../api/types";
import { Command } from "../../components/command";
import { intervalInWords, leaningInWords, levelTone, Tag, VerdictTag } from "../../components/tag";
import { change, count, duration, parseTime } from "../../format";
import { clock } from "../../state/connection";
import { shownDashboard } from "../../state/dashboard";
import { pageHref } from "../../state/view";

const ENTRIES_MAX = 6;
const URGENCY = { critical: 0, warning: 1, info: 2, ok: 3 };

export function LookFirst() {
  const body = shownDashboard.value;
  return (
    <section class="card look" aria-label="Look here first">
      <h3>
        Look here first
        {body && <small>{summary(body)}</small>}
      </h3>
      {body ? <Entries body={body} /> : <div class="skeleton blank" aria-label="Loading" />}
    </section>
  );
}

function summary(body: Dashboard): string {
  const firing = body.alerts.filter((alert) => alert.state === "firing").length;
  const parts: string[] = [];
  if (firing > 0) parts.push(firing === 1 ? "1 alert" : `${firing} alerts`);
  const found = body.findings.length;
  if (found > 0) parts.push(found === 1 ? "1 finding" : `${found} findings`);
  return parts.join(" · ");
}

function Entries({ body }: { body: Dashboard }) {
  const alerts = [...body.alerts]
    .filter((alert) => alert.state === "firing")
    .sort((a, b) => URGENCY[a.severity] - URGENCY[b.severity]);
  const room = Math.max(0, ENTRIES_MAX - alerts.length);
  const findings = body.findings.slice(0, room);
  if (alerts.length + findings.length === 0) return <Calm body={body} />;
  const more = alerts.length + body.findings.length - ENTRIES_MAX;
  return (
    <div class="finds">
      {alerts.slice(0, ENTRIES_MAX).map((alert) => (
        <AlertEntry key={alert.id} alert={alert} />
      ))}
      {findings.map((verdict) => (
        <Finding key={verdict.id} verdict={verdict} title={titleOf(body, verdict)} />
      ))}
      {more > 0 && (
        <p class="soft more">
          <a href={pageHref("alerts")}>{more} more</a>
        </p>
      )}
    </div>
  );
}

export function AlertEntry({ alert }: { alert: Alert }) {
  const began = parseTime(alert.started_at);
  return (
    <div class="find" data-alert={alert.rule}>
      <Tag tone={levelTone(alert.severity)}>{alert.severity}</Tag>
      <p>{alert.message}</p>
      <small>
        {alert.rule}
        {began !== null && ` · for ${duration(clock.value - began)}`}
      </small>
    </div>
  );
}

function Finding({ verdict, title }: { verdict: Verdict; title: string }) {
  const parts = [
    leaningInWords(verdict),
    intervalInWords(verdict),
    verdict.effective_n ? `${count(verdict.effective_n[1])} effective samples` : null,
  ];
  return (
    <div class="find" title={verdict.metric}>
      <VerdictTag verdict={verdict} />
      <p>
        <b>{title}</b> {change(verdict.change_percent)}
      </p>
      <small>{parts.filter(Boolean).join(" · ")}</small>
    </div>
  );
}

/** The name people know a figure by, where a tile has one for it. */
function titleOf(body: Dashboard, { metric, title }: Verdict): string {
  return body.tiles.find((tile) => tile.metric === metric)?.title ?? title ?? metric;
}

function judged({ tiles }: Dashboard): string {
  const unsure = tiles.filter((tile) => tile.verdict?.answer === "inconclusive").length;
  if (unsure === 0) return "nothing has moved away from its baseline.";
  const figures = unsure === 1 ? "1 figure" : `${count(unsure)} figures`;
  return `no change is proven; ${figures} may or may not have moved, more samples will tell.`;
}

/** Nothing to look at; where there is no baseline, how to get one. */
function Calm({ body }: { body: Dashboard }) {
  const measured = body.tiles.some((tile) => tile.baseline !== null);
  if (measured) {
    return (
      <p class="calm">
        Nothing fires, and {judged(body)} Alerts and verdicts appear here as they come.
      </p>
    );
  }
  return (
    <div class="calm">
      <p>
        Nothing fires. With a baseline, every figure is drawn against what is normal here, and what
        moves away from it is listed in this place.
      </p>
      <Command>tacho baseline --duration 300</Command>
      <p>
        <a href={pageHref("baselines")}>Or make one from the last minutes</a>
      </p>
    </div>
  );
}
