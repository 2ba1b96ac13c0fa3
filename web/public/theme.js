// Sets the chosen theme before the first paint, so that a dark page never flashes white.
// It is a file of its own because the page's policy allows no inline script.
try {
  const theme = localStorage.getItem("tachograph.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; the system's theme is used then.
}
