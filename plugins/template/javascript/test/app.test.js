// Native tests, with plain texts: `npm test`. The cases go through the sandbox: `ltvd connector test .`

import assert from "node:assert/strict";
import test from "node:test";

import { movement } from "../app.js";
import { Fault, readJson, unixMs } from "../kit.js";

const context = { settings: [{ name: "currency", value: { tag: "text", val: "USD" } }] };
const payment = { id: "p-1", kind: "payment", order: "o-1", atMs: 0, amount: "12.50" };

test("the kind says which way the money went", () => {
  const refund = movement({ ...payment, kind: "refund", amount: "-12.50" }, context);
  assert.equal(refund.key.kind, "refund");
  assert.deepEqual(refund.amounts.total, { coefficient: 1250n, scale: 2 });
  assert.equal(movement({ ...payment, kind: "authorization" }, context), undefined);
});

test("what cannot be read is a fault of the row", () => {
  for (const wrong of [{ amount: "12,50" }, { currency: "ZZZ" }, { id: "" }, { order: "a\u0081" }, { atMs: -1 }]) {
    assert.throws(() => movement({ ...payment, ...wrong }, context), Fault, JSON.stringify(wrong));
  }
  assert.throws(() => readJson(new TextEncoder().encode("[".repeat(100))), { tag: "malformed" });
});

test("dates have a zone or are known to be UTC", () => {
  assert.equal(unixMs("1970-01-01T01:00:00+01:00", "at"), 0);
  assert.equal(unixMs("1970-01-01T00:00:01", "at", true), 1000);
  for (const wrong of ["1970-01-01T00:00:00", "2026-02-30T00:00:00Z"]) assert.throws(() => unixMs(wrong, "at"), Fault);
  assert.throws(() => unixMs("1970-01-01", "at", true), Fault);
});
