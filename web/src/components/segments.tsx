/**
 * A row of choices of which one is taken.
 */
export interface Choice<K extends string> {
  key: K;
  label: string;
  title?: string;
}

export function Segments<K extends string>(props: {
  label: string;
  choices: readonly Choice<K>[];
  chosen: K | null;
  onChoose: (key: K) => void;
}) {
  return (
    <div class="seg" role="group" aria-label={props.label}>
      {props.choices.map(({ key, label, title }) => (
        <button
          key={key}
          type="button"
          title={title}
          aria-pressed={key === props.chosen}
          onClick={() => props.onChoose(key)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
