/**
 * Where the server is: beside the page, so that the page works behind a prefix.
 *
 * A reader may have come with user and token in the address (`http://x:TOKEN@host/`). The browser
 * keeps both for this server and sends them by itself; an address that still has them is one that
 * `fetch` refuses.
 */
export function beside(page: string, path: string): URL {
  const address = new URL(path, page);
  address.username = "";
  address.password = "";
  address.hash = "";
  address.search = "";
  return address;
}

/** The same for the live connection. */
export function liveBeside(page: string): URL {
  const address = beside(page, "ws");
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address;
}
