/**
 * The tab's title: what fires, the host, the page. A tab in the background still tells of an alert.
 */
import { effect } from "@preact/signals";

import { dashboard } from "./dashboard";
import { page, subject } from "./view";

export function startTitle(): void {
  effect(() => {
    const body = dashboard.value;
    const firing = body?.alerts.filter((alert) => alert.state === "firing").length ?? 0;
    const about = subject.value ? `${subject.value} · ` : "";
    const name = page.value === "overview" ? "" : `${about}${page.value} · `;
    const host = body ? `${body.host.name} · ` : "";
    document.title = `${firing > 0 ? `(${firing}) ` : ""}${name}${host}Tachograph`;
  });
}
