/**
 * The navigation: only pages that exist, a count where it says something, our own cost below.
 */
import { count, text } from "../format";
import { dashboard } from "../state/dashboard";
import { pageHref, page, type Page } from "../state/view";
import { Icon, Logo } from "./icons";
import { helpOpen } from "./help";
import { nextTheme, theme } from "../state/theme";

function Item({ to, label, n, hot }: { to: Page; label: string; n?: number; hot?: boolean }) {
  return (
    <a href={pageHref(to)} aria-current={page.value === to ? "page" : undefined}>
      {label}
      {n !== undefined && <span class={hot ? "n hot" : "n"}>{count(n)}</span>}
    </a>
  );
}

export function Nav() {
  const body = dashboard.value;
  const firing = body?.alerts.filter((alert) => alert.state === "firing").length;
  return (
    <nav aria-label="Pages">
      <div class="brand">
        <Logo />
        <span>Tachograph</span>
      </div>
      <div class="items">
        <Item to="overview" label="Overview" />
        <Item
          to="alerts"
          label="Alerts"
          {...(firing === undefined ? {} : { n: firing, hot: firing > 0 })}
        />
        <h2>Watch</h2>
        <Item to="services" label="Services" />
        <Item to="agents" label="Agents" />
        <Item to="traces" label="Traces" />
        <Item to="sources" label="Sources" />
        <h2>Compare</h2>
        <Item to="baselines" label="Baselines" />
      </div>
      <footer>
        <Cost />
        <div class="tools">
          <button
            type="button"
            class="quiet square"
            onClick={nextTheme}
            title={`Theme: ${theme.value} (t)`}
            aria-label={`Theme: ${theme.value}. Change it`}
          >
            <Icon name={theme.value} />
          </button>
          <button
            type="button"
            class="quiet square keys"
            onClick={() => (helpOpen.value = true)}
            title="Keyboard (?)"
            aria-label="Keyboard shortcuts"
          >
            <Icon name="help" />
          </button>
        </div>
      </footer>
    </nav>
  );
}

/** What watching costs, always in sight. */
function Cost() {
  const own = dashboard.value?.self;
  if (!own) return <p class="cost" />;
  return (
    <p class="cost" title={`Tachograph ${own.version}`}>
      {count(own.series)} series · {text(own.resident_bytes, "B")}
      <br />
      {text(own.cpu_percent, "%")} of a core
    </p>
  );
}
