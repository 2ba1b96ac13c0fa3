/**
 * What fires now, what fired before, and the rules that decide it.
 */
import { useEffect } from "preact/hooks";

import { fetchAlerts, type AlertsBody } from "../api/client";
import type { Alert, AlertRule } from "../api/types";
import { Breakable } from "../components/breakable";
import { Heading } from "../components/heading";
import { usePolled } from "../components/remote";
import { levelTone, Tag } from "../components/tag";
import { duration, moment, parseTime, text } from "../format";
import { clock, status } from "../state/connection";
import { dashboard } from "../state/dashboard";
import { AlertEntry } from "./overview/look";

const POLL_SECONDS = 10;
const HISTORY_ROWS_MAX = 100;

const load = (): Promise<AlertsBody> => fetchAlerts(HISTORY_ROWS_MAX);

export function Alerts() {
  const answer = usePolled(load, POLL_SECONDS);
  const { value, error } = answer.state.value;
  // The live summary knows of an alert first; the list follows it at once.
  const known = dashboard.value?.alerts.map((alert) => alert.id + alert.state).join() ?? "";
  const connection = status.value.state;
  useEffect(() => {
    void answer.ask();
  }, [answer, known, connection]);
  const firing = value?.alerts.filter((alert) => alert.state === "firing") ?? [];
  const past = value?.alerts.filter((alert) => alert.state !== "firing") ?? [];
  return (
    <>
      <Heading title={title(value, firing.length)} detail={lastWords(past)} />
      {error && <p class="banner">{error}</p>}
      {firing.length > 0 && (
        <section class="card" aria-label="Active alerts">
          <h3>Active</h3>
          <div class="finds">
            {firing.map((alert) => (
              <AlertEntry key={alert.id} alert={alert} />
            ))}
          </div>
        </section>
      )}
      <History alerts={past} loading={value === null} />
      <Rules rules={value?.rules ?? []} loading={value === null} />
    </>
  );
}

function title(value: AlertsBody | null, firing: number): string {
  if (!value) return "Alerts";
  if (firing === 0) return "Nothing fires.";
  return firing === 1 ? "1 alert fires." : `${firing} alerts fire.`;
}

function lastWords(past: readonly Alert[]): string {
  const ended = past.map((alert) => parseTime(alert.ended_at) ?? 0);
  const last = Math.max(0, ...ended);
  if (last === 0) return "No earlier alert is kept.";
  const ago = Math.floor((clock.value - last) / 60) * 60;
  return ago < 60 ? "The last one ended just now." : `The last one ended ${duration(ago)} ago.`;
}

function History({ alerts, loading }: { alerts: readonly Alert[]; loading: boolean }) {
  return (
    <section class="card" aria-label="History">
      <h3>History</h3>
      {alerts.length === 0 ? (
        <p class={loading ? "blank skeleton" : "calm"}>
          {loading ? "" : "Alerts that are over are kept here, with what caused them."}
        </p>
      ) : (
        <table class="wide">
          <thead>
            <tr>
              <th scope="col">Alert</th>
              <th scope="col" class="opt words">
                Rule
              </th>
              <th scope="col">Began</th>
              <th scope="col">Lasted</th>
              <th scope="col" class="opt">
                Value
              </th>
              <th scope="col">Severity</th>
            </tr>
          </thead>
          <tbody>
            {alerts.map((alert) => (
              <Past key={alert.id} alert={alert} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Past({ alert }: { alert: Alert }) {
  const began = parseTime(alert.started_at);
  const ended = parseTime(alert.ended_at);
  return (
    <tr>
      <td class="wrap">{alert.message}</td>
      <td class="opt words wrap soft">
        <Breakable name={alert.rule} />
      </td>
      <td>{began === null ? "–" : moment(began, clock.value)}</td>
      <td>{began === null || ended === null ? "–" : duration(ended - began)}</td>
      <td class="opt">{text(alert.value, alert.unit)}</td>
      <td>
        <Tag tone={levelTone(alert.severity)}>{alert.severity}</Tag>
      </td>
    </tr>
  );
}

function Rules({ rules, loading }: { rules: readonly AlertRule[]; loading: boolean }) {
  return (
    <section class="card" aria-label="Rules">
      <h3>
        Rules
        <small>{rules.length > 0 ? `${rules.length} in force` : ""}</small>
      </h3>
      {rules.length === 0 ? (
        <p class={loading ? "blank skeleton" : "calm"}>
          {loading ? "" : "No rule is configured; they stand under `rules` in tacho.yaml."}
        </p>
      ) : (
        <table class="wide">
          <thead>
            <tr>
              <th scope="col">Rule</th>
              <th scope="col" class="opt words">
                Metric
              </th>
              <th scope="col" class="words">
                Condition
              </th>
              <th scope="col" class="opt">
                Over
              </th>
              <th scope="col">Severity</th>
            </tr>
          </thead>
          <tbody>
            {rules.map((rule) => (
              <tr key={rule.name}>
                <td class="wrap">
                  <Breakable name={rule.name} />
                </td>
                <td class="opt words wrap soft">
                  <Breakable name={rule.metric} />
                </td>
                <td class="words">{rule.condition}</td>
                <td class="opt">{windowWords(rule.window)}</td>
                <td>
                  <Tag tone={levelTone(rule.severity)}>{rule.severity}</Tag>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function windowWords(window: string | number): string {
  return typeof window === "number" ? duration(window) : window;
}
