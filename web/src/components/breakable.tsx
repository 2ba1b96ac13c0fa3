/**
 * A name of any length that may break after its punctuation, so that it never widens the page:
 * `/run/` `tacho/` `statsd.` `sock`. A part too long for its place breaks anywhere (`.breakable`).
 */
export function Breakable({ name }: { name: string }) {
  const parts = name.split(/(?<=[/._:@-])/);
  return <span class="breakable">{parts.map((part, i) => [i > 0 && <wbr />, part])}</span>;
}
