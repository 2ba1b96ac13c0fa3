/**
 * The charts of a host: which series each asks for, and how they become lines.
 *
 * Names are node_exporter's. Each query asks for one metric, so that a metric the host lacks takes
 * nothing away from its neighbours. Not for drawing.
 */
import type { SeriesQuery } from "../../api/types";
import type { ChartSpec } from "../../charts/chart";
import type { Line } from "../../charts/frame";
import type { Track } from "../../state/series";
import { combine, scale, share, sum } from "./tracks";

const gauge = (match: string): SeriesQuery => ({ match, agg: "avg", by: [] });
const rate = (match: string, by: string[] = []): SeriesQuery => ({ match, agg: "rate", by });

function line(label: string, color: string, track: Track | null): Line[] {
  return track ? [{ label, color, t: track.t, v: track.v }] : [];
}

const MODES: { label: string; color: string; modes: string[] }[] = [
  { label: "user", color: "--s1", modes: ["user", "nice"] },
  { label: "system", color: "--s7", modes: ["system"] },
  { label: "I/O wait", color: "--s2", modes: ["iowait"] },
  { label: "interrupts", color: "--s6", modes: ["irq", "softirq"] },
  { label: "steal", color: "--s5", modes: ["steal"] },
];

/** Guest time is counted in user time already. */
const GUEST = new Set(["guest", "guest_nice"]);

export const CPU: ChartSpec = {
  id: "cpu",
  title: "CPU",
  unit: "%",
  stacked: true,
  floor: 4,
  queries: [rate("node_cpu_seconds_total", ["mode"])],
  lines: ([tracks = []]) => {
    const counted = tracks.filter((track) => !GUEST.has(track.labels["mode"] ?? ""));
    const total = sum(counted);
    if (!total) return [];
    return MODES.flatMap(({ label, color, modes }) => {
      const part = sum(counted.filter((track) => modes.includes(track.labels["mode"] ?? "")));
      // Only virtual machines know stolen time; elsewhere the word would be noise.
      if (!part || (label === "steal" && part.v.every((value) => !value))) return [];
      return line(label, color, share(part, total));
    });
  },
};

export const MEMORY: ChartSpec = {
  id: "memory",
  title: "Memory",
  unit: "B",
  stacked: true,
  floor: 1,
  queries: [
    gauge("node_memory_MemTotal_bytes"),
    gauge("node_memory_MemAvailable_bytes"),
    gauge("node_memory_MemFree_bytes"),
  ],
  lines: ([total, available, free]) => {
    const all = total?.[0];
    const usable = available?.[0];
    const unused = free?.[0];
    if (!all || !usable) return [];
    const minus = (a: number, b: number): number => Math.max(0, a - b);
    const used = line("used", "--s1", combine(all, usable, minus));
    if (!unused) return used;
    return [
      ...used,
      ...line("cached", "--s7", combine(usable, unused, minus)),
      ...line("free", "--s0", unused).map((free) => ({ ...free, rest: true })),
    ];
  },
};

export const LOAD: ChartSpec = {
  id: "load",
  title: "Load",
  unit: "",
  stacked: false,
  floor: 0.5,
  queries: [gauge("node_load1"), gauge("node_load5"), gauge("node_load15")],
  lines: ([one, five, fifteen]) => [
    ...line("1 min", "--s1", one?.[0] ?? null),
    ...line("5 min", "--s4", five?.[0] ?? null),
    ...line("15 min", "--s6", fifteen?.[0] ?? null),
  ],
};

/** A share of time; the clocks of two readings differ by enough to overshoot a little. */
function percent(track: Track | undefined): Track | null {
  if (!track) return null;
  const scaled = scale(track, 100);
  return { ...scaled, v: scaled.v.map((value) => (value === null ? null : Math.min(100, value))) };
}

export const PRESSURE: ChartSpec = {
  id: "pressure",
  title: "Pressure",
  unit: "%",
  stacked: false,
  floor: 2,
  queries: ["cpu", "memory", "io"].map((what) =>
    rate(`node_pressure_${what}_waiting_seconds_total`),
  ),
  lines: ([cpu, memory, io]) => [
    ...line("CPU", "--s1", percent(cpu?.[0])),
    ...line("memory", "--s4", percent(memory?.[0])),
    ...line("I/O", "--s2", percent(io?.[0])),
  ],
};

/** Layers above a disk that is counted already: mapped, looped, in memory. */
const VIRTUAL_DISK = /^(dm-|md|loop|ram|zram|sr|fd)\d/;
const PARTITION = /^(?:(?:[shv]d|xvd)[a-z]+|(?:nvme\d+n\d+|mmcblk\d+)p)\d+$/;

function disks(tracks: readonly Track[]): Track | null {
  const real = tracks.filter(({ labels }) => {
    const device = labels["device"] ?? "";
    return !VIRTUAL_DISK.test(device) && !PARTITION.test(device);
  });
  return sum(real.length > 0 ? real : tracks);
}

export const DISK: ChartSpec = {
  id: "disk",
  title: "Disk",
  unit: "B/s",
  stacked: false,
  floor: 64 * 1024,
  queries: [
    rate("node_disk_read_bytes_total", ["device"]),
    rate("node_disk_written_bytes_total", ["device"]),
  ],
  lines: ([read = [], written = []]) => [
    ...line("read", "--s1", disks(read)),
    ...line("write", "--s4", disks(written)),
  ],
};

/** Interfaces whose traffic also passes a real one, or never leaves the machine. */
const VIRTUAL_INTERFACE = /^(lo|veth|docker|br-|virbr|cni|flannel|cali|tap|tun)/;

function interfaces(tracks: readonly Track[]): Track | null {
  const real = tracks.filter(({ labels }) => !VIRTUAL_INTERFACE.test(labels["device"] ?? ""));
  return sum(real);
}

export const NETWORK: ChartSpec = {
  id: "network",
  title: "Network",
  unit: "B/s",
  stacked: false,
  floor: 4 * 1024,
  queries: [
    rate("node_network_receive_bytes_total", ["device"]),
    rate("node_network_transmit_bytes_total", ["device"]),
  ],
  lines: ([received = [], sent = []]) => [
    ...line("in", "--s1", interfaces(received)),
    ...line("out", "--s4", interfaces(sent)),
  ],
};
