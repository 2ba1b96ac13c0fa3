/**
 * Who calls whom: a picture where there is room for one, and the same as a table for those who do
 * not see it or have a narrow screen.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import type { MapBody, MapEdge, MapNode } from "../../api/services";
import { failing, FAILING_SHARE, latencyInWords, rateInWords } from "../../components/measure";
import { count, text } from "../../format";
import { pageHref } from "../../state/view";
import { layersOf } from "./layers";

/** More nodes than these are no picture; the least busy are left out of it. */
const NODES_MAX = 48;
const NODE_WIDTH = 176;
const NODE_HEIGHT = 46;
const GAP_X_MIN = 44;
const GAP_X_MAX = 120;
const GAP_Y = 18;
/** Characters of a name that fit into a node. */
const NAME_CHARS = 21;

export function Map_({ body }: { body: MapBody }) {
  const nodes = body.nodes
    .toSorted((a, b) => (b.stats?.rate ?? 0) - (a.stats?.rate ?? 0))
    .slice(0, NODES_MAX);
  const left = body.nodes.length - nodes.length;
  return (
    <section class="card service-map" aria-label="Service map">
      <h3>
        Who calls whom
        <small>
          calls a second and p95, as the caller sees them
          {left > 0 && `; ${count(left)} less busy left out`}
        </small>
      </h3>
      <Picture nodes={nodes} edges={body.edges} />
      <Calls edges={body.edges} />
    </section>
  );
}

function Picture({ nodes, edges }: { nodes: readonly MapNode[]; edges: readonly MapEdge[] }) {
  const host = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  const over = useSignal<string | null>(null);
  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => (width.value = element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [width]);
  const { columns, layerOf } = layersOf(
    nodes.map(({ name }) => name),
    edges,
  );
  const least = columns.length * NODE_WIDTH + (columns.length - 1) * GAP_X_MIN;
  const room =
    columns.length > 1 ? (width.value - columns.length * NODE_WIDTH) / (columns.length - 1) : 0;
  const gap = Math.max(GAP_X_MIN, Math.min(GAP_X_MAX, room));
  const total = columns.length * NODE_WIDTH + (columns.length - 1) * gap;
  const rows = Math.max(1, ...columns.map((column) => column.length));
  const height = rows * (NODE_HEIGHT + GAP_Y);
  const at = new Map<string, [number, number]>();
  columns.forEach((column, i) => {
    const top = (height - column.length * (NODE_HEIGHT + GAP_Y) + GAP_Y) / 2;
    column.forEach((name, k) =>
      at.set(name, [i * (NODE_WIDTH + gap), top + k * (NODE_HEIGHT + GAP_Y)]),
    );
  });
  const touches = ({ client, server }: MapEdge): boolean =>
    over.value === client || over.value === server;
  const near = new Set(edges.filter(touches).flatMap(({ client, server }) => [client, server]));
  return (
    <div ref={host} class="picture" data-fits={width.value >= least}>
      {width.value >= least && (
        <svg width={total} height={height} role="img" aria-label="The table below says the same">
          {edges.map((edge) => (
            <Edge
              key={`${edge.client} ${edge.server} ${edge.kind}`}
              edge={edge}
              at={at}
              back={(layerOf.get(edge.client) ?? 0) >= (layerOf.get(edge.server) ?? 0)}
              state={over.value === null ? "" : touches(edge) ? "near" : "far"}
            />
          ))}
          {nodes.map((node) => (
            <Node
              key={node.name}
              node={node}
              at={at.get(node.name) ?? [0, 0]}
              state={
                over.value === null || near.has(node.name) || over.value === node.name ? "" : "far"
              }
              onOver={(name) => (over.value = name)}
            />
          ))}
        </svg>
      )}
    </div>
  );
}

function Edge(props: {
  edge: MapEdge;
  at: ReadonlyMap<string, [number, number]>;
  back: boolean;
  state: string;
}) {
  const { edge, at, back, state } = props;
  const from = at.get(edge.client);
  const to = at.get(edge.server);
  if (!from || !to || edge.client === edge.server) return null;
  const [x1, y1] = [from[0] + NODE_WIDTH, from[1] + NODE_HEIGHT / 2];
  const [x2, y2] = [to[0] - 3, to[1] + NODE_HEIGHT / 2];
  const bend = Math.max(28, Math.abs(x2 - x1) * 0.45);
  const fails = edge.count > 0 && edge.failed / edge.count >= FAILING_SHARE;
  const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  return (
    <g class={`edge ${fails ? "fails" : ""} ${back ? "back" : ""} ${state}`}>
      <path d={path} stroke-width={(1 + Math.log10(1 + edge.rate)).toFixed(2)} />
      <path class="tip" d={`M${x2 + 3} ${y2}l-7 -3.5v7z`} />
      {state === "near" && (
        <text x={(x1 + x2) / 2} y={(y1 + y2) / 2 - 5}>
          {rateInWords(edge.rate)} · {text(edge.p95, "s")}
        </text>
      )}
    </g>
  );
}

function Node(props: {
  node: MapNode;
  at: [number, number];
  state: string;
  onOver: (name: string | null) => void;
}) {
  const { node, at, state, onOver } = props;
  const { name, kind, stats } = node;
  const fails = stats !== null && failing(stats);
  const words = [
    kind !== "service" && kind,
    stats && rateInWords(stats.rate),
    kind === "service" && stats && latencyInWords(stats, "p95"),
  ];
  const inside = (
    <g
      class={`node ${kind} ${fails ? "fails" : ""} ${state}`}
      transform={`translate(${at[0]} ${at[1]})`}
      onMouseEnter={() => onOver(name)}
      onMouseLeave={() => onOver(null)}
      onFocusIn={() => onOver(name)}
      onFocusOut={() => onOver(null)}
    >
      <title>{name}</title>
      <rect width={NODE_WIDTH} height={NODE_HEIGHT} rx={8} />
      {fails && <rect class="mark" x={0} y={8} width={3} height={NODE_HEIGHT - 16} rx={1.5} />}
      <text x={12} y={19}>
        {name.length > NAME_CHARS ? `${name.slice(0, NAME_CHARS - 1)}…` : name}
      </text>
      <text class="soft" x={12} y={35}>
        {words.filter(Boolean).join(" · ")}
      </text>
    </g>
  );
  return kind === "service" && stats !== null ? (
    <a href={pageHref("services", name)}>{inside}</a>
  ) : (
    inside
  );
}

function Calls({ edges }: { edges: readonly MapEdge[] }) {
  return (
    <table class="edges" aria-label="Who calls whom">
      <thead>
        <tr>
          <th scope="col">Caller and called</th>
          <th scope="col">Calls</th>
          <th scope="col">Failed</th>
          <th scope="col">p95</th>
        </tr>
      </thead>
      <tbody>
        {edges.map((edge) => (
          <tr key={`${edge.client} ${edge.server} ${edge.kind}`}>
            <td class="wrap">
              {edge.client} → {edge.server}
            </td>
            <td>{rateInWords(edge.rate)}</td>
            <td>{count(edge.failed)}</td>
            <td>{text(edge.p95, "s")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
