/**
 * The one live connection of the page and what is known about it.
 *
 * `clock` ticks once a second, for words such as "lost for 12 s". Server time is preferred to the
 * reader's clock wherever the two meet, as laptops are often off by seconds.
 */
import { signal } from "@preact/signals";

import { liveBeside } from "../api/address";
import { LiveSocket, type Handler, type Status } from "../api/socket";
import type { Subscription } from "../api/types";

export const status = signal<Status>({ state: "connecting", since: Date.now() });
export const serverVersion = signal<string | null>(null);
export const intervalSeconds = signal(1);
export const clock = signal(Date.now() / 1000);

/** Server time less ours, in seconds. */
const offset = signal(0);

export function serverNow(): number {
  return Date.now() / 1000 + offset.peek();
}

let socket: LiveSocket | null = null;

function theSocket(): LiveSocket {
  socket ??= new LiveSocket(liveBeside(document.baseURI).href, {
    connect: (address) => new WebSocket(address),
    now: Date.now,
    random: Math.random,
    onStatus: (now) => {
      status.value = now;
    },
    onHello: (hello) => {
      if (serverVersion.value !== null && serverVersion.value !== hello.version) location.reload();
      serverVersion.value = hello.version;
      intervalSeconds.value = hello.interval;
      offset.value = Date.parse(hello.time) / 1000 - Date.now() / 1000;
    },
  });
  return socket;
}

export function subscribe(request: Subscription, handler: Handler): () => void {
  return theSocket().subscribe(request, handler);
}

/** Tries again at once instead of waiting for the next retry. */
export function reconnect(): void {
  theSocket().start();
}

export function startConnection(): void {
  theSocket().start();
  window.addEventListener("online", reconnect);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) reconnect();
  });
  setInterval(() => {
    clock.value = Date.now() / 1000;
  }, 1000);
}
