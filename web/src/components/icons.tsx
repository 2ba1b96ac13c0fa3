/**
 * The few icons of the page, drawn in the text's colour.
 */
export function Logo() {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <circle cx="10" cy="10" r="8.6" fill="none" stroke="var(--edge)" stroke-width="2" />
      <path d="M10 10 15.2 5.4" stroke="var(--accent)" stroke-width="2" stroke-linecap="round" />
      <circle cx="10" cy="10" r="1.7" fill="var(--accent)" />
    </svg>
  );
}

const PATHS = {
  auto: "M8 2a6 6 0 1 0 0 12V2Z M8 2a6 6 0 0 1 0 12",
  dark: "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8 5.6 5.6 0 1 0 13.2 9.6Z",
  light:
    "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6Z M8 1.4v1.4 M8 13.2v1.4 M1.4 8h1.4 " +
    "M13.2 8h1.4 M3.3 3.3l1 1 M11.7 11.7l1 1 M3.3 12.7l1-1 M11.7 4.3l1-1",
  pause: "M5.5 3.5v9 M10.5 3.5v9",
  play: "M5 3.2v9.6L12.5 8Z",
  close: "M4 4l8 8 M12 4l-8 8",
  help: "M5.9 6.1a2.2 2.2 0 1 1 3.2 2c-.8.4-1.1.8-1.1 1.7 M8 12.3v.1",
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
  const filled = name === "auto";
  const [first = "", ...rest] = PATHS[name].split(/ (?=M)/);
  return (
    <svg
      class="icon"
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={first} fill={filled ? "currentColor" : "none"} />
      {rest.length > 0 && <path d={rest.join(" ")} />}
    </svg>
  );
}
