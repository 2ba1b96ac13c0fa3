import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { backoff, LiveSocket, type Status } from "../src/api/socket";
import type { ServerMessage } from "../src/api/types";

/** A server's end of a socket, as far as the page sees it. */
class FakeSocket {
  readyState = 0;
  sent: { type: string; id: string }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.readyState = 3;
    this.onclose?.();
  }
  accept(): void {
    this.readyState = 1;
    this.onopen?.();
    this.say({ type: "hello", version: "1", interval: 1, time: "2026-11-21T14:02:00Z" });
  }
  say(message: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

let sockets: FakeSocket[];
let statuses: Status[];
let live: LiveSocket;
const latest = (): FakeSocket => sockets[sockets.length - 1] as FakeSocket;
const states = (): string[] => statuses.map((status) => status.state);
const QUERY = { query: { match: "up", agg: "avg", window: "5m", step: "1s" } };

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  statuses = [];
  live = new LiveSocket("ws://test/ws", {
    connect: () => {
      sockets.push(new FakeSocket());
      return latest() as unknown as WebSocket;
    },
    now: Date.now,
    random: () => 0.5,
    onStatus: (status) => statuses.push(status),
  });
  live.start();
});
afterEach(() => vi.useRealTimers());

describe("subscriptions", () => {
  it("wait for the connection, then each is sent once", () => {
    live.subscribe(QUERY, () => undefined);
    expect(latest().sent).toEqual([]);
    latest().accept();
    expect(latest().sent).toEqual([{ type: "subscribe", id: "s1", ...QUERY }]);
  });

  it("messages reach the one they are for, until it stops", () => {
    const seen: string[] = [];
    latest().accept();
    const stop = live.subscribe(QUERY, (message) => seen.push(message.type));
    live.subscribe(QUERY, () => seen.push("other"));
    latest().say({ type: "data", id: "s1", series: [] });
    stop();
    latest().say({ type: "append", id: "s1", series: [] });
    expect(seen).toEqual(["data"]);
    expect(latest().sent[2]).toEqual({ type: "unsubscribe", id: "s1" });
  });

  it("are sent again after a loss, so that the gap is filled", () => {
    latest().accept();
    live.subscribe(QUERY, () => undefined);
    latest().close();
    vi.advanceTimersByTime(400);
    expect(sockets).toHaveLength(2);
    latest().accept();
    expect(latest().sent).toEqual([{ type: "subscribe", id: "s1", ...QUERY }]);
    expect(states()).toEqual(["connecting", "open", "lost", "open"]);
  });
});

describe("reconnection", () => {
  it("backs off, up to a limit, and keeps the moment of the loss", () => {
    latest().accept();
    vi.advanceTimersByTime(1000);
    const lostAt = Date.now();
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      latest().close();
      const status = statuses[statuses.length - 1] as Status & { state: "lost" };
      expect(status.since).toBe(lostAt);
      waits.push(status.retryAt - Date.now());
      vi.advanceTimersByTime(status.retryAt - Date.now());
    }
    expect(waits).toEqual([300, 700, 1500, 3000, 6000, 10_000, 15_000, 15_000, 15_000]);
  });

  it("starts over with short delays once it worked", () => {
    latest().close();
    vi.advanceTimersByTime(300);
    latest().close();
    vi.advanceTimersByTime(700);
    latest().accept();
    latest().close();
    const status = statuses[statuses.length - 1] as Status & { state: "lost" };
    expect(status.retryAt - Date.now()).toBe(300);
  });

  it("can be asked for at once, and never runs twice", () => {
    latest().accept();
    latest().close();
    live.start();
    live.start();
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(5000);
    expect(sockets).toHaveLength(2);
  });

  it("takes a connection that says nothing for lost", () => {
    latest().accept();
    vi.advanceTimersByTime(5900);
    latest().say({ type: "append", id: "s1", series: [] });
    vi.advanceTimersByTime(5900);
    expect(states()).toEqual(["connecting", "open"]);
    vi.advanceTimersByTime(200);
    expect(states()).toEqual(["connecting", "open", "lost"]);
  });

  it("spreads retries by a tenth either way", () => {
    expect(backoff(0, 0)).toBe(270);
    expect(backoff(0, 1)).toBe(330);
    expect(backoff(99, 0.5)).toBe(15_000);
  });
});
