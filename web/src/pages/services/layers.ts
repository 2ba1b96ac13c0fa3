/**
 * Where the nodes of a service map stand: in layers from those who ask to those who are asked.
 *
 * 1. An edge leads to the right, unless it closes a cycle.
 * 2. The same graph is laid out in the same way, whatever order it arrives in.
 *
 * Longest path layering and barycentre ordering (Sugiyama, Tagawa and Toda, 1981). Pure.
 */
export interface Link {
  client: string;
  server: string;
}

export interface Layers {
  /** Names by layer, from the left, each from the top. */
  columns: string[][];
  /** Layer of each name. */
  layerOf: ReadonlyMap<string, number>;
}

const SWEEPS = 6;

export function layersOf(names: readonly string[], links: readonly Link[]): Layers {
  const sorted = [...new Set(names)].sort();
  const known = new Set(sorted);
  const used = links.filter(
    ({ client, server }) => client !== server && known.has(client) && known.has(server),
  );
  const forward = acyclic(sorted, used);
  const layerOf = longestPaths(sorted, forward);
  const columns: string[][] = [];
  for (const name of sorted) (columns[layerOf.get(name) ?? 0] ??= []).push(name);
  for (let sweep = 0; sweep < SWEEPS; sweep++) order(columns, used, layerOf, sweep % 2 === 0);
  return { columns, layerOf };
}

/** The links without those that lead back to where a walk came from. */
function acyclic(names: readonly string[], links: readonly Link[]): Link[] {
  const asked = new Set(links.map(({ server }) => server));
  const below = new Map<string, Link[]>();
  for (const link of links) {
    const list = below.get(link.client);
    if (list) list.push(link);
    else below.set(link.client, [link]);
  }
  for (const list of below.values()) list.sort((a, b) => (a.server < b.server ? -1 : 1));
  const state = new Map<string, "open" | "done">();
  const kept: Link[] = [];
  const starts = [...names.filter((name) => !asked.has(name)), ...names];
  for (const start of starts) {
    if (state.has(start)) continue;
    state.set(start, "open");
    const path = [{ name: start, next: 0 }];
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const link = below.get(top.name)?.[top.next++];
      if (!link) {
        state.set(top.name, "done");
        path.pop();
        continue;
      }
      if (state.get(link.server) === "open") continue;
      kept.push(link);
      if (state.has(link.server)) continue;
      state.set(link.server, "open");
      path.push({ name: link.server, next: 0 });
    }
  }
  return kept;
}

function longestPaths(names: readonly string[], links: readonly Link[]): Map<string, number> {
  const layers = new Map(names.map((name) => [name, 0]));
  // As many rounds as the longest path has links; no cycle is left, so it ends.
  for (let moved = true, round = 0; moved && round <= names.length; round++) {
    moved = false;
    for (const { client, server } of links) {
      const wanted = (layers.get(client) ?? 0) + 1;
      if ((layers.get(server) ?? 0) >= wanted) continue;
      layers.set(server, wanted);
      moved = true;
    }
  }
  // Who is asked by nobody stands right before the first that it asks.
  const asked = new Set(links.map(({ server }) => server));
  for (const name of names) {
    if (asked.has(name)) continue;
    const next = links.filter((link) => link.client === name).map((l) => layers.get(l.server) ?? 0);
    if (next.length > 0) layers.set(name, Math.min(...next) - 1);
  }
  return layers;
}

/** Moves each node of a layer to the middle of its neighbours on one side. */
function order(
  columns: string[][],
  links: readonly Link[],
  layerOf: ReadonlyMap<string, number>,
  fromLeft: boolean,
): void {
  const place = new Map<string, number>();
  const settle = (column: readonly string[]): void => {
    column.forEach((name, i) => place.set(name, (i + 0.5) / column.length));
  };
  columns.forEach(settle);
  const indices = [...columns.keys()];
  for (const index of fromLeft ? indices : indices.reverse()) {
    const column = columns[index] ?? [];
    const middle = new Map(
      column.map((name) => {
        const near = links.flatMap(({ client, server }) => {
          const other = client === name ? server : server === name ? client : null;
          if (other === null) return [];
          const left = (layerOf.get(other) ?? 0) < index;
          return left === fromLeft ? [place.get(other) ?? 0.5] : [];
        });
        const mean = near.reduce((a, b) => a + b, 0) / near.length;
        return [name, near.length === 0 ? (place.get(name) ?? 0.5) : mean];
      }),
    );
    column.sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0));
    settle(column);
  }
}
