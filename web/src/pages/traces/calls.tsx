/**
 * Where one trace or many spent their time: spans merged by the path of operations, and what could
 * be quicker.
 */
import { useSignal } from "@preact/signals";

import type { CallNode, CallsBody } from "../../api/traces";
import { shareInWords } from "../../components/measure";
import { Tag } from "../../components/tag";
import { count, exact, number, text } from "../../format";

/** What takes less of the whole than this is closed at first. */
const OPEN_SHARE = 0.02;

interface Entry {
  node: CallNode;
  path: string;
  depth: number;
  /** The service of the one above; what is the same is not said again. */
  within: string | null;
}

export function CallTree({ body }: { body: CallsBody }) {
  /** What the reader has opened or closed against the rule. */
  const turned = useSignal<ReadonlySet<string>>(new Set());
  const whole = body.tree.reduce((total, node) => total + node.total_seconds, 0);
  const open = ({ node, path }: Entry): boolean =>
    node.total_seconds >= whole * OPEN_SHARE !== turned.value.has(path);
  const turn = (path: string): void => {
    const next = new Set(turned.value);
    if (!next.delete(path)) next.add(path);
    turned.value = next;
  };
  const many = body.traces > 1;
  return (
    <>
      {body.findings.length > 0 && <Findings body={body} />}
      <section class="card" aria-label="Where the time goes">
        <h3>
          Where the time goes
          <small>
            {many && `${count(body.runs)} runs in ${count(body.traces)} traces, `}
            {count(body.spans)} spans{body.cut && ", and more that are not read"}
          </small>
        </h3>
        <table class="sorted calls" role="treegrid" aria-label="Calls">
          <thead>
            <tr>
              <th scope="col">Call</th>
              <th scope="col" title="time without what runs below it">
                Self
              </th>
              <th scope="col" title="time in all of them">
                Total
              </th>
              <th scope="col" class="opt" title="of the time that decides how long the whole takes">
                Critical
              </th>
              <th scope="col">{many ? "Per trace" : "Calls"}</th>
              <th scope="col" class="opt">
                p50
              </th>
              <th scope="col" class="opt">
                p99
              </th>
            </tr>
          </thead>
          <tbody>
            {entries(body.tree, open).map((entry) => (
              <CallRow
                key={entry.path}
                entry={entry}
                whole={whole}
                many={many}
                open={open(entry)}
                onTurn={turn}
              />
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

/** The nodes in sight, each before those below it. */
export function entries(tree: readonly CallNode[], open: (entry: Entry) => boolean): Entry[] {
  const found: Entry[] = [];
  const walk = (nodes: readonly CallNode[], above: string, depth: number, by?: CallNode): void => {
    nodes.forEach((node, i) => {
      const path = `${above}/${i}:${node.service} ${node.name}`;
      const entry = { node, path, depth, within: by?.service ?? null };
      found.push(entry);
      if (open(entry)) walk(node.children, path, depth + 1, node);
    });
  };
  walk(tree, "", 0);
  return found;
}

function CallRow(props: {
  entry: Entry;
  whole: number;
  many: boolean;
  open: boolean;
  onTurn: (path: string) => void;
}) {
  const { entry, whole, many, open, onTurn } = props;
  const { node, path, depth } = entry;
  const share = whole > 0 ? node.self_seconds / whole : 0;
  const within =
    node.relative_error > 0 ? `within ${exact(node.relative_error * 100, "%")}` : "exact";
  return (
    <tr
      role="row"
      aria-level={depth + 1}
      aria-expanded={node.children.length > 0 ? open : undefined}
    >
      <td class="wrap name" style={`--depth: ${depth}`}>
        {node.children.length > 0 ? (
          <button type="button" class="open" aria-expanded={open} onClick={() => onTurn(path)}>
            {node.name}
          </button>
        ) : (
          <span class="leaf">{node.name}</span>
        )}{" "}
        {node.errors > 0 && <Tag tone="worse">{`${count(node.errors)} failed`}</Tag>}
        {node.service !== entry.within && <small class="kinds">{node.service}</small>}
      </td>
      <td class="bar" title={`${shareInWords(share)} of the time`}>
        <i style={`--w: ${(100 * share).toFixed(1)}%`} />
        <span>{text(node.self_seconds, "s")}</span>
      </td>
      <td>{text(node.total_seconds, "s")}</td>
      <td class="opt">{node.critical_seconds > 0 ? text(node.critical_seconds, "s") : ""}</td>
      <td>{many ? number(node.per_trace) : count(node.count)}</td>
      <td class="opt" title={within}>
        {text(node.p50, "s")}
      </td>
      <td class="opt" title={within}>
        {text(node.p99, "s")}
      </td>
    </tr>
  );
}

function Findings({ body }: { body: CallsBody }) {
  return (
    <section class="card" aria-label="What could be quicker">
      <h3>What could be quicker</h3>
      <div class="finds">
        {body.findings.map((one) => (
          <div class="find" key={one.suggestion}>
            <Tag tone="unsure">{one.kind === "n_plus_one" ? "N+1" : one.kind}</Tag>
            <p>{one.suggestion.replace(/`/g, "")}</p>
            <small>
              {number(one.calls_per_trace)} calls a trace in {count(one.traces)}{" "}
              {one.traces === 1 ? "trace" : "traces"}, {text(one.seconds, "s")} in all
            </small>
          </div>
        ))}
      </div>
    </section>
  );
}
