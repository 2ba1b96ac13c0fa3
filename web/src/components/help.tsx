/**
 * The keyboard shortcuts in a dialog.
 */
import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { SHORTCUTS } from "../state/keys";
import { Icon } from "./icons";

export const helpOpen = signal(false);

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(
    () =>
      effect(() => {
        if (helpOpen.value) dialog.current?.showModal();
        else dialog.current?.close();
      }),
    [],
  );
  return (
    <dialog
      ref={dialog}
      aria-labelledby="help-title"
      onClose={() => (helpOpen.value = false)}
      onClick={(event) => event.target === dialog.current && (helpOpen.value = false)}
    >
      <div class="sheet">
        <h3 id="help-title">
          Keyboard
          <button
            type="button"
            class="quiet square"
            aria-label="Close"
            onClick={() => (helpOpen.value = false)}
          >
            <Icon name="close" />
          </button>
        </h3>
        <dl>
          {SHORTCUTS.map(({ keys, does }) => (
            <div key={does}>
              <dt>
                {keys.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <p class="soft">Drag across a chart to zoom all of them; double click to come back.</p>
      </div>
    </dialog>
  );
}
