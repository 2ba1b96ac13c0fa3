/**
 * A command line to copy. Where the clipboard is refused, the line is selected instead.
 */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

const SAID_MS = 1600;

export function Command({ children }: { children: string }) {
  const copied = useSignal(false);
  const line = useRef<HTMLElement>(null);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(children);
      copied.value = true;
      setTimeout(() => (copied.value = false), SAID_MS);
    } catch {
      if (line.current) getSelection()?.selectAllChildren(line.current);
    }
  };
  return (
    <span class="command">
      <code ref={line}>{children}</code>
      <button type="button" class="quiet" onClick={copy} aria-label={`Copy: ${children}`}>
        {copied.value ? "Copied" : "Copy"}
      </button>
    </span>
  );
}
