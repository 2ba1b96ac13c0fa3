/**
 * Dark, light, or as the system says. Kept in local storage, applied as an attribute of the root.
 * `themeVersion` changes whenever colours do, so that canvases can be drawn again.
 */
import { signal } from "@preact/signals";

export type Theme = "auto" | "dark" | "light";

const KEY = "tachograph.theme";
const ORDER: readonly Theme[] = ["auto", "dark", "light"];

function stored(): Theme {
  try {
    const found = localStorage.getItem(KEY);
    return ORDER.find((theme) => theme === found) ?? "auto";
  } catch {
    return "auto";
  }
}

export const theme = signal<Theme>(stored());
export const themeVersion = signal(0);

export function setTheme(next: Theme): void {
  theme.value = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Storage may be forbidden; the theme then lasts as long as the page.
  }
  if (next === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
  themeVersion.value += 1;
}

export function nextTheme(): void {
  setTheme(ORDER[(ORDER.indexOf(theme.peek()) + 1) % ORDER.length] ?? "auto");
}

export function startTheme(): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    themeVersion.value += 1;
  });
}
