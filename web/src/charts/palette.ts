/**
 * The page's colours as a canvas needs them: resolved for the present theme.
 *
 * Custom properties with `light-dark()` resolve only where they are used, hence the probe element.
 */
let probe: HTMLElement | null = null;
let cacheOf = -1;
const cache = new Map<string, string>();

/** The present colour of a custom property such as `--s1`. */
export function color(property: string, themeVersion: number): string {
  if (cacheOf !== themeVersion) {
    cache.clear();
    cacheOf = themeVersion;
  }
  const known = cache.get(property);
  if (known) return known;
  if (!probe) {
    probe = document.createElement("span");
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = `var(${property})`;
  const found = getComputedStyle(probe).color;
  cache.set(property, found);
  return found;
}

/** The same colour at another opacity. */
export function faded(rgb: string, opacity: number): string {
  const parts = rgb.match(/[\d.]+/g);
  if (!parts || parts.length < 3) return rgb;
  return `rgba(${parts[0]}, ${parts[1]}, ${parts[2]}, ${opacity})`;
}
