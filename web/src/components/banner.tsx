/**
 * Says since when the connection is lost, and goes away by itself once it is back.
 */
import { clock as timeOf, duration } from "../format";
import { clock, reconnect, status } from "../state/connection";

/** Losses shorter than this are not worth a word, in milliseconds. */
const QUIET_MS = 1200;

export function Banner() {
  const now = clock.value;
  const state = status.value;
  const lasted = now * 1000 - state.since;
  if (state.state === "open") return null;
  if (state.state === "connecting") {
    if (lasted < 2 * QUIET_MS) return null;
    return (
      <div class="banner" role="status">
        Connecting to the server…
      </div>
    );
  }
  if (lasted < QUIET_MS) return null;
  const wait = Math.max(0, state.retryAt / 1000 - now);
  return (
    <div class="banner" role="status">
      <span>
        <b>Connection lost since {timeOf(state.since / 1000, true)}.</b> What you see is from then;
        it goes on by itself
        {wait >= 1 ? `, next try in ${duration(wait)}.` : ", trying now."}
      </span>
      <button type="button" onClick={reconnect}>
        Try now
      </button>
    </div>
  );
}
