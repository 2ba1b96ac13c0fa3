/**
 * One uPlot canvas: lines or a stack over time, with the normal band, guides and marks.
 *
 * The caller owns the data and the window; the canvas only draws them and reports what the reader
 * does (crosshair, selection, double click). Canvases with the same cursor key share a crosshair.
 * Not for legends, titles or the fetching of data.
 */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import type { Frame, Line } from "./frame";
import { placeLabels } from "./labels";
import { color, faded } from "./palette";
import { tickLabel, timeLabels, type YScale } from "./scale";

/** The normal range of a figure, from its baseline. */
export interface Band {
  low: number;
  high: number;
}

/** A dashed horizontal line with its name, for example the number of cores. */
export interface Guide {
  value: number;
  label: string;
}

/** A dashed vertical line with its name: a deployment, the start of an alert. */
export interface Mark {
  time: number;
  label: string;
  color: string;
}

export interface PlotState {
  lines: readonly Line[];
  frame: Frame;
  stacked: boolean;
  unit: string;
  scale: YScale;
  from: number;
  to: number;
  band: Band | null;
  guides: readonly Guide[];
  marks: readonly Mark[];
  themeVersion: number;
}

export interface PlotEvents {
  onCursor: (index: number | null) => void;
  onZoom: (from: number, to: number) => void;
  onReset: () => void;
}

const FONT = '11px Inter, system-ui, -apple-system, "Segoe UI", sans-serif';
const CURSOR_KEY = "tachograph";
const LINE_WIDTH = 1.6;
const FILL_OPACITY = 0.36;
const REST_OPACITY = 0.09;
const OUTLINE_OPACITY = 0.75;
/** Half the width of a character of a label, rounded up. */
const LABEL_HALF_CHARACTER = 3.2;
const PADDING_RIGHT = 6;
/** From one row of names of marks to the next. */
const LABEL_ROW = 15;
/** Room for the labels of the value axis; fixed by unit, so that the plot never shifts. */
const AXIS_WIDTHS: Record<string, number> = { "%": 54, "": 40, B: 62, "B/s": 70 };
/** Pixels a drag must span to be meant as a zoom. */
const DRAG_PIXELS_MIN = 6;

export class Plot {
  private readonly host: HTMLElement;
  private readonly events: PlotEvents;
  private state: PlotState;
  private chart: uPlot;
  private shape: string;

  constructor(host: HTMLElement, state: PlotState, events: PlotEvents) {
    this.host = host;
    this.state = state;
    this.events = events;
    this.shape = shapeOf(state);
    this.chart = this.create();
  }

  update(state: PlotState): void {
    this.state = state;
    const shape = shapeOf(state);
    if (shape !== this.shape) {
      // Other lines or colours: uPlot wants a new chart for those.
      this.shape = shape;
      this.chart.destroy();
      this.chart = this.create();
      return;
    }
    this.chart.setData(dataOf(state));
  }

  resize(): void {
    const size = sizeOf(this.host);
    if (size.width > 0) this.chart.setSize(size);
  }

  destroy(): void {
    this.chart.destroy();
  }

  private create(): uPlot {
    const { state } = this;
    const paint = (property: string): string => color(property, this.state.themeVersion);
    const options: uPlot.Options = {
      ...sizeOf(this.host),
      padding: [10, PADDING_RIGHT, 0, 0],
      legend: { show: false },
      cursor: this.cursor(),
      scales: {
        x: { time: true, range: () => [this.state.from, this.state.to] },
        y: { range: () => [0, this.state.scale.max] },
      },
      axes: [timeAxis(paint), this.valueAxis(paint)],
      series: [{}, ...drawn(state, state.lines).map((line) => seriesOf(line, state, paint))],
      bands: state.stacked ? bandsOf(state, paint) : [],
      hooks: {
        drawClear: [(u) => this.drawBand(u, paint)],
        draw: [(u) => this.drawGuides(u, paint), (u) => this.drawMarks(u, paint)],
        setCursor: [(u) => this.events.onCursor(cursorIndex(u))],
        setSelect: [(u) => this.selected(u)],
      },
    };
    return new uPlot(options, dataOf(state), this.host);
  }

  private cursor(): uPlot.Cursor {
    return {
      y: false,
      sync: { key: CURSOR_KEY, scales: ["x", null] },
      drag: { x: true, y: false, setScale: false },
      points: { size: 7, width: 2 },
      bind: {
        dblclick: () => () => {
          this.events.onReset();
          return null;
        },
      },
    };
  }

  private valueAxis(paint: (property: string) => string): uPlot.Axis {
    return {
      stroke: () => paint("--faint"),
      font: FONT,
      size: AXIS_WIDTHS[this.state.unit] ?? 62,
      gap: 8,
      grid: { stroke: () => paint("--grid"), width: 1 },
      ticks: { show: false },
      splits: () => this.state.scale.ticks,
      values: (_, splits) => splits.map((value) => tickLabel(value, this.state.unit)),
    };
  }

  private selected(u: uPlot): void {
    const { left, width } = u.select;
    if (width < DRAG_PIXELS_MIN) return;
    const from = u.posToVal(left, "x");
    const to = u.posToVal(left + width, "x");
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.events.onZoom(from, to);
  }

  private drawBand(u: uPlot, paint: (property: string) => string): void {
    const { band, scale } = this.state;
    if (!band || band.low > scale.max) return;
    const top = u.valToPos(Math.min(band.high, scale.max), "y", true);
    const bottom = u.valToPos(Math.max(band.low, 0), "y", true);
    u.ctx.save();
    u.ctx.fillStyle = paint("--band");
    const height = Math.max(bottom - top, 2 * devicePixelRatio);
    u.ctx.fillRect(u.bbox.left, top, u.bbox.width, height);
    u.ctx.restore();
  }

  private drawGuides(u: uPlot, paint: (property: string) => string): void {
    for (const guide of this.state.guides) {
      if (guide.value > this.state.scale.max) continue;
      const y = Math.round(u.valToPos(guide.value, "y", true));
      const end = u.bbox.left + u.bbox.width;
      dashed(u, paint("--soft"), [u.bbox.left, y], [end, y]);
      const above = y - u.bbox.top > 16 * devicePixelRatio;
      const colors: [string, string] = [paint("--soft"), paint("--card")];
      label(u, guide.label, colors, end - 4 * devicePixelRatio, y, "right", above);
    }
  }

  private drawMarks(u: uPlot, paint: (property: string) => string): void {
    const { from, to } = this.state;
    const marks = this.state.marks.filter((mark) => mark.time >= from && mark.time <= to);
    const bottom = u.bbox.top + u.bbox.height;
    const at = marks.map((mark) => Math.round(u.valToPos(mark.time, "x", true)));
    marks.forEach((mark, i) => {
      const x = at[i] ?? 0;
      dashed(u, paint(mark.color), [x, u.bbox.top], [x, bottom]);
    });
    u.ctx.font = labelFont();
    const placed = placeLabels(
      marks.map((mark, i) => ({ x: at[i] ?? 0, words: mark.label })),
      {
        left: u.bbox.left,
        width: u.bbox.width,
        gap: 5 * devicePixelRatio,
        measure: (words) => u.ctx.measureText(words).width,
      },
    );
    for (const { index, words, left, row } of placed) {
      const colors: [string, string] = [paint(marks[index]?.color ?? "--soft"), paint("--card")];
      const y = u.bbox.top + row * LABEL_ROW * devicePixelRatio;
      label(u, words, colors, left, y, "left", false);
    }
  }
}

function cursorIndex(u: uPlot): number | null {
  return (u.cursor.left ?? -1) < 0 ? null : (u.cursor.idx ?? null);
}

/** What uPlot cannot change after the fact. */
function shapeOf({ lines, stacked, themeVersion }: PlotState): string {
  return JSON.stringify([lines.map((line) => [line.label, line.color]), stacked, themeVersion]);
}

function dataOf(state: PlotState): uPlot.AlignedData {
  const { times, columns } = state.frame;
  return [times, ...drawn(state, columns)] as uPlot.AlignedData;
}

/**
 * The order of drawing. A stack is drawn from the top down, so that where a layer is empty the
 * outline of the layer below it covers its own.
 */
function drawn<T>({ stacked }: PlotState, items: readonly T[]): readonly T[] {
  return stacked ? items.toReversed() : items;
}

function sizeOf(host: HTMLElement): { width: number; height: number } {
  return { width: host.clientWidth, height: host.clientHeight };
}

function timeAxis(paint: (property: string) => string): uPlot.Axis {
  return {
    stroke: () => paint("--faint"),
    font: FONT,
    size: 26,
    gap: 7,
    // Labels with seconds need more room.
    space: (_u, _axis, from, to) => (to - from <= 180 ? 72 : 48),
    grid: { show: false },
    ticks: { show: false },
    values: (u, splits, _axis, _space, step) => {
      const labels = timeLabels(splits, step);
      return labels.map((words, i) => {
        // A label is centred on its tick; one that would be cut at the edge is left out.
        const at = u.valToPos(splits[i] ?? 0, "x");
        const half = words.length * LABEL_HALF_CHARACTER;
        return at + half > u.bbox.width / devicePixelRatio + PADDING_RIGHT ? "" : words;
      });
    },
  };
}

function seriesOf(
  line: Line,
  { stacked, frame, lines }: PlotState,
  paint: (property: string) => string,
): uPlot.Series {
  const stroke = paint(line.color);
  const bottom = stacked && lines.indexOf(line) === 0;
  return {
    label: line.label,
    // The outlines of a stack are softer: near-empty layers would else paint a thick edge.
    stroke: stacked ? faded(stroke, OUTLINE_OPACITY) : stroke,
    width: stacked ? 1 : LINE_WIDTH,
    ...(bottom ? { fill: faded(stroke, FILL_OPACITY) } : {}),
    points: { show: frame.times.length < 3, size: 4, fill: stroke },
  };
}

/** Each layer of a stack is filled down to the layer below it. */
function bandsOf(state: PlotState, paint: (property: string) => string): uPlot.Band[] {
  return drawn(state, state.lines.slice(1)).map((line, i) => ({
    series: [i + 1, i + 2] as [number, number],
    fill: faded(paint(line.color), line.rest ? REST_OPACITY : FILL_OPACITY),
  }));
}

function dashed(u: uPlot, stroke: string, from: [number, number], to: [number, number]): void {
  const { ctx } = u;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
  ctx.restore();
}

function labelFont(): string {
  return FONT.replace("11px", `600 ${11 * devicePixelRatio}px`);
}

function label(
  u: uPlot,
  words: string,
  [fill, ground]: [string, string],
  x: number,
  y: number,
  align: CanvasTextAlign,
  above: boolean,
): void {
  const { ctx } = u;
  ctx.save();
  ctx.font = labelFont();
  ctx.textAlign = align;
  ctx.textBaseline = above ? "bottom" : "top";
  const baseline = y + (above ? -3 : 3) * devicePixelRatio;
  // A ground of the card's colour keeps the words readable over lines and areas.
  const pad = 3 * devicePixelRatio;
  const width = ctx.measureText(words).width;
  const height = 12 * devicePixelRatio;
  ctx.fillStyle = faded(ground, 0.85);
  ctx.fillRect(
    (align === "right" ? x - width : x) - pad,
    above ? baseline - height : baseline,
    width + 2 * pad,
    height,
  );
  ctx.fillStyle = fill;
  ctx.fillText(words, x, baseline);
  ctx.restore();
}
