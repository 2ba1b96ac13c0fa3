/**
 * The page's contents page: start what lives as long as the page, then draw it.
 */
import { render } from "preact";

import { App } from "./app";
import { startConnection } from "./state/connection";
import { startDashboard } from "./state/dashboard";
import { startKeys } from "./state/keys";
import { startTheme } from "./state/theme";
import { startTitle } from "./state/title";
import { startView } from "./state/view";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/parts.css";
import "./styles/services.css";
import "./styles/sources.css";
import "./styles/traces.css";

const root = document.getElementById("app");
if (root) {
  startTheme();
  startView();
  startConnection();
  startDashboard();
  startKeys();
  startTitle();
  render(<App />, root);
}
