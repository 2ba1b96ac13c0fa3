/**
 * Keyboard shortcuts. Never while the reader types, and never with a modifier that belongs to the
 * browser.
 */
import { helpOpen } from "../components/help";
import { PAGES } from "./address";
import { nextTheme } from "./theme";
import { moveRange, openPage, resume, togglePause, zoomed } from "./view";

export const SHORTCUTS = [
  { keys: ["k", "→"], does: "Longer range" },
  { keys: ["j", "←"], does: "Shorter range" },
  { keys: ["p"], does: "Pause, or go on live" },
  { keys: ["Esc"], does: "Leave the zoom" },
  { keys: ["t"], does: "Theme: auto, dark, light" },
  { keys: ["1", "…", "7"], does: "The pages, as in the navigation" },
  { keys: ["↑", "↓"], does: "In a trace: the span before, the next" },
  { keys: ["←", "→"], does: "In a trace: close, open what is below" },
  { keys: ["?"], does: "This help" },
] as const;

const ACTIONS: Record<string, () => void> = {
  k: () => moveRange(1),
  ArrowRight: () => moveRange(1),
  j: () => moveRange(-1),
  ArrowLeft: () => moveRange(-1),
  p: togglePause,
  t: nextTheme,
  ...Object.fromEntries(PAGES.map((name, i) => [String(i + 1), () => openPage(name)])),
  "?": () => {
    helpOpen.value = !helpOpen.peek();
  },
  Escape: () => {
    if (zoomed.peek()) resume();
  },
};

export function startKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target as HTMLElement | null;
    if (target?.closest("input, textarea, select, [contenteditable]")) return;
    if (helpOpen.peek() && event.key !== "?") return;
    const action = ACTIONS[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
