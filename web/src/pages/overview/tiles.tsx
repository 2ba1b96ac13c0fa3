/**
 * The few figures that matter, each against what is normal for it.
 */
import type { Tile } from "../../api/types";
import { Spark } from "../../charts/spark";
import type { Band } from "../../charts/plot";
import { VerdictTag } from "../../components/tag";
import { quantity } from "../../format";
import { shownDashboard } from "../../state/dashboard";

export function bandOf(tile: Tile | undefined, factor = 1): Band | null {
  const { low, high } = tile?.baseline ?? { low: null, high: null };
  if (low === null || high === null) return null;
  return { low: low * factor, high: high * factor };
}

/** Places kept free until the first summary comes, so that nothing moves when it does. */
const TILES_EXPECTED = 6;

export function Tiles() {
  const tiles = shownDashboard.value?.tiles;
  const columns = tiles?.length ?? TILES_EXPECTED;
  return (
    <section
      class="tiles"
      aria-label="Key figures"
      style={`--columns: ${columns}; --columns-half: ${Math.ceil(columns / 2)}`}
    >
      {tiles ? tiles.map((tile) => <TileCard key={tile.id} tile={tile} />) : <Skeletons />}
    </section>
  );
}

function Skeletons() {
  return Array.from({ length: TILES_EXPECTED }, (_, key) => (
    <div key={key} class="card tile skeleton" aria-hidden="true" />
  ));
}

function TileCard({ tile }: { tile: Tile }) {
  const { value, unit } = quantity(tile.value, tile.unit);
  const worse = tile.verdict?.answer === "regressed";
  return (
    <div class="card tile">
      <div class="k">
        <span>{tile.title}</span>
        {tile.verdict && <VerdictTag verdict={tile.verdict} />}
      </div>
      <div class="v">
        {value}
        <i>{unit}</i>
      </div>
      <div class="d">
        <Average label="1 h" value={tile.avg_1h} tile={tile} />
        {" · "}
        <Average label="24 h" value={tile.avg_24h} tile={tile} />
      </div>
      <Spark
        points={tile.trend}
        band={bandOf(tile)}
        stroke={worse ? "var(--worse)" : "var(--accent)"}
      />
    </div>
  );
}

/** An average, under the unit of the tile's value. */
function Average(props: { label: string; value: number | null; tile: Tile }) {
  const { label, value, tile } = props;
  return (
    <span title={`mean of ${label}`}>
      {label} {quantity(value, tile.unit, tile.value).value}
    </span>
  );
}
