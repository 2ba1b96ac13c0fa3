/**
 * The shell: navigation beside the open page. A page is one entry in `PAGES`.
 */
import type { ComponentType } from "preact";

import { Banner } from "./components/banner";
import { Guard } from "./components/guard";
import { Help } from "./components/help";
import { Nav } from "./components/nav";
import { Agents } from "./pages/agents";
import { Alerts } from "./pages/alerts";
import { Baselines } from "./pages/baselines";
import { Overview } from "./pages/overview";
import { Services } from "./pages/services";
import { Sources } from "./pages/sources";
import { Traces } from "./pages/traces";
import { status } from "./state/connection";
import { page, subject, type Page } from "./state/view";

const PAGES: Record<Page, ComponentType> = {
  overview: Overview,
  alerts: Alerts,
  services: Services,
  agents: Agents,
  traces: Traces,
  sources: Sources,
  baselines: Baselines,
};

export function App() {
  const Open = PAGES[page.value];
  const lost = status.value.state === "lost";
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Nav />
      <main id="main" tabIndex={-1} class={lost ? "lost" : ""}>
        <Banner />
        <Guard key={`${page.value}/${subject.value ?? ""}`}>
          <Open />
        </Guard>
      </main>
      <Help />
    </>
  );
}

/** The address after `#` belongs to the view, so the jump is done by hand. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
