/**
 * The range, live or paused, and the way back from a zoom.
 */
import { duration, moment } from "../format";
import { RANGES, rangeSeconds } from "../state/range";
import {
  live,
  liveEnd,
  request,
  resume,
  setRange,
  shown,
  togglePause,
  view,
  zoomed,
} from "../state/view";
import { status } from "../state/connection";
import { Icon } from "./icons";
import { Segments } from "./segments";

const CHOICES = RANGES.map(({ key, label, words }) => ({ key, label, title: words }));

export function Controls() {
  return (
    <div class="controls">
      {zoomed.value && <Zoomed />}
      <Segments
        label="Range"
        choices={CHOICES}
        chosen={zoomed.value ? null : view.value.range}
        onChoose={setRange}
      />
      <LiveButton />
      <ReportLink />
    </div>
  );
}

/** The report of the stretch shown, to send to a colleague. */
function ReportLink() {
  const { from, to } = view.value;
  const wanted = request.value;
  const params = new URLSearchParams({ format: "html" });
  if (from !== null && to !== null) {
    params.set("from", String(Math.floor(from)));
    params.set("to", String(Math.ceil(to)));
  } else {
    const seconds = wanted?.kind === "live" ? wanted.window : rangeSeconds(view.value.range);
    params.set("window", `${Number.isFinite(seconds) ? seconds : 3600}s`);
  }
  return (
    <a
      class="button opt"
      href={`api/performance/report?${params}`}
      target="_blank"
      rel="noreferrer"
      title="A page that can be saved and sent"
    >
      Report
    </a>
  );
}

function LiveButton() {
  const connected = status.value.state === "open";
  const words = live.value ? (connected ? "Live" : "Waiting") : zoomed.value ? "Go live" : "Paused";
  const mood = live.value && connected ? "live-button on" : "live-button";
  return (
    <button
      type="button"
      class={mood}
      aria-label={live.value ? "Live. Pause" : "Not live. Go on live"}
      onClick={togglePause}
      title={live.value ? "Pause (p)" : "Go on live (p)"}
    >
      {live.value ? <span class="dot" /> : <Icon name="play" />}
      <span class="words">{words}</span>
    </button>
  );
}

function Zoomed() {
  const [from, to] = shown.value;
  const fine = to - from < 7200;
  return (
    <button type="button" class="zoomed" onClick={resume} title="Back to the range (Esc)">
      {moment(from, liveEnd.value, fine)} to {moment(to, liveEnd.value, fine)}
      <span class="soft">{duration(to - from)}</span>
      <Icon name="close" />
    </button>
  );
}
