import { describe, expect, it } from "vitest";

import { beside, liveBeside } from "../src/api/address";

describe("addresses beside the page", () => {
  it("have no credentials, whatever the page's has", () => {
    const page = "http://x:tacho_secret@127.0.0.1:8090/?q=1#/alerts";
    expect(beside(page, "api/performance/").href).toBe("http://127.0.0.1:8090/api/performance/");
    expect(liveBeside(page).href).toBe("ws://127.0.0.1:8090/ws");
  });

  it("keep the prefix and the security of the page", () => {
    const page = "https://example.org/tacho/";
    expect(beside(page, "api/performance/").href).toBe(
      "https://example.org/tacho/api/performance/",
    );
    expect(liveBeside(page).href).toBe("wss://example.org/tacho/ws");
  });
});
