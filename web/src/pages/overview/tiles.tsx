/**
 * The few figures that matter, each against what is normal for it.
 */
import type { Tile } from "../../api/types";
import { Spark } from "../../charts/spark";
import type { Band } from "../../charts/plot";
import { VerdictTag } from "../../components/tag";
import { number, quantity } from "../../format";
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
        <Average label="1 h" value={tile.avg_1h} tile={tile} shown={unit} />
        {" · "}
        <Average label="24 h" value={tile.avg_24h} tile={tile} shown={unit} />
      </div>
      <Spark
        points={tile.trend}
        band={bandOf(tile)}
        stroke={worse ? "var(--worse)" : "var(--accent)"}
      />
    </div>
  );
}

/** An average, with its unit only where that differs from the one of the tile. */
function Average(props: { label: string; value: number | null; tile: Tile; shown: string }) {
  const { label, value, tile, shown } = props;
  const { value: digits, unit } = quantity(value, tile.unit);
  const same = unit === shown || value === null;
  return (
    <span title={`mean of ${label}`}>
      {label} {value === null ? number(null) : digits}
      {same ? "" : ` ${unit}`}
    </span>
  );
}
