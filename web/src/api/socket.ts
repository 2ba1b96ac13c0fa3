/**
 * The live connection: one WebSocket, many subscriptions.
 *
 * 1. A subscription outlives the connection: after a loss it is sent again by itself, and the
 *    server answers with the whole window, which fills the gap.
 * 2. While the connection is down, exactly one retry is scheduled, later each time up to a limit.
 * 3. A connection that says nothing for long counts as lost, so that a sleeping laptop recovers.
 *
 * Not for deciding what to draw; it knows no chart and holds no series.
 */
import type { ServerMessage, Subscription } from "./types";

/** Delays of the retries in milliseconds; the last one repeats. */
const BACKOFF_MS = [300, 700, 1500, 3000, 6000, 10_000, 15_000];

/** Silence after which the connection counts as lost: this many intervals, and at least 6 s. */
const SILENT_INTERVALS = 6;
const SILENCE_MS_MIN = 6000;

export type Status =
  | { state: "connecting"; since: number }
  | { state: "open"; since: number }
  | { state: "lost"; since: number; retryAt: number };

export type Handler = (message: ServerMessage) => void;

/** What the socket needs from its surroundings; tests put their own here. */
export interface Surroundings {
  connect: (url: string) => WebSocket;
  now: () => number;
  random: () => number;
  onStatus: (status: Status) => void;
  onHello?: (hello: { version: string; interval: number; time: string }) => void;
}

/** The delay before retry `attempt` (from 0), spread by a tenth so that tabs do not align. */
export function backoff(attempt: number, random: number): number {
  const base = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)] ?? 15_000;
  return Math.round(base * (0.9 + 0.2 * random));
}

export class LiveSocket {
  private readonly url: string;
  private readonly around: Surroundings;
  private readonly subscriptions = new Map<string, { request: Subscription; handler: Handler }>();
  private socket: WebSocket | null = null;
  private nextId = 1;
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private watchdog: ReturnType<typeof setTimeout> | null = null;
  private silenceMs = SILENCE_MS_MIN;
  private lostSince: number | null = null;

  constructor(url: string, around: Surroundings) {
    this.url = url;
    this.around = around;
  }

  /** Connects, or tries again at once when a retry is waiting. */
  start(): void {
    if (this.socket) return;
    if (this.retry) clearTimeout(this.retry);
    this.retry = null;
    if (this.lostSince === null) {
      this.around.onStatus({ state: "connecting", since: this.around.now() });
    }
    const socket = this.around.connect(this.url);
    this.socket = socket;
    socket.onopen = () => this.opened(socket);
    socket.onmessage = (event: MessageEvent<string>) => this.received(event.data);
    socket.onclose = () => this.closed(socket);
    this.feedWatchdog();
  }

  /** Asks for data until the returned function is called. */
  subscribe(request: Subscription, handler: Handler): () => void {
    const id = `s${this.nextId++}`;
    this.subscriptions.set(id, { request, handler });
    this.send({ type: "subscribe", id, ...request });
    return () => {
      if (this.subscriptions.delete(id)) this.send({ type: "unsubscribe", id });
    };
  }

  private opened(socket: WebSocket): void {
    if (socket !== this.socket) return;
    for (const [id, { request }] of this.subscriptions) {
      this.send({ type: "subscribe", id, ...request });
    }
  }

  private received(text: string): void {
    this.feedWatchdog();
    if (this.lostSince !== null || this.attempt > 0) this.attempt = 0;
    const message = JSON.parse(text) as ServerMessage;
    if (message.type === "hello") {
      this.lostSince = null;
      this.silenceMs = Math.max(SILENCE_MS_MIN, message.interval * 1000 * SILENT_INTERVALS);
      this.around.onStatus({ state: "open", since: this.around.now() });
      this.around.onHello?.(message);
      return;
    }
    if (message.id !== undefined) this.subscriptions.get(message.id)?.handler(message);
  }

  private closed(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.socket = null;
    if (this.watchdog) clearTimeout(this.watchdog);
    this.lostSince ??= this.around.now();
    const delay = backoff(this.attempt++, this.around.random());
    const retryAt = this.around.now() + delay;
    this.around.onStatus({ state: "lost", since: this.lostSince, retryAt });
    this.retry = setTimeout(() => this.start(), delay);
  }

  private feedWatchdog(): void {
    if (this.watchdog) clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      const socket = this.socket;
      if (!socket) return;
      // Closing a dead connection can take minutes to be confirmed; we go on at once.
      socket.onclose = null;
      socket.close();
      this.closed(socket);
    }, this.silenceMs);
  }

  private send(message: object): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }
}
