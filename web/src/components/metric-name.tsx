/**
 * A metric's name that may break after its underscores, and nowhere else.
 */
export function MetricName({ name }: { name: string }) {
  return name.split(/(?<=_)/).map((part, i) => [i > 0 && <wbr />, part]);
}
