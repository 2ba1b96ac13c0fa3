import { describe, expect, it } from "vitest";

import { formatAddress, parseAddress } from "../src/state/address";

/** An address reads back as itself. */
function same(hash: string): void {
  expect(formatAddress(parseAddress(hash))).toBe(hash);
}

describe("the address of a view", () => {
  it("reads back as it was written", () => {
    same("#/?range=5m");
    same("#/services?range=1h");
    same("#/services/shop%2Fcheckout?range=1h&by-endpoints=-p95");
    same("#/traces/0af7651916cd43dd8448eb211c80319c?range=5m&span=b7ad6b7169203331");
    same("#/traces?range=24h&attr=a%3Db%3Fc&errors=true");
    same("#/services/~?range=5m");
    same("#/services/%7E?range=5m");
  });

  it("names pages, subjects and own keys", () => {
    const found = parseAddress("#/services/a%20b/c?range=6h&compare=24h&by=");
    expect(found.page).toBe("services");
    expect(found.subject).toBe("a b/c");
    expect(found.own).toEqual({ compare: "24h" });
    expect(parseAddress("#/services/~").subject).toBe("");
    expect(parseAddress("#/services/%7E").subject).toBe("~");
    expect(parseAddress("#/services/").subject).toBe(null);
  });

  it("is the overview where it cannot be read", () => {
    for (const hash of ["", "#", "#/nowhere", "#?range=1h", "#/%ff"]) {
      expect(parseAddress(hash).page).toBe("overview");
    }
    expect(parseAddress("#/services/%ff").subject).toBe("%ff");
  });
});
