// Kiosk, read for ltvd.
//
// A connector is a pure function: it opens no connection, reads no clock and never sees a secret. What arrives is handed to it;
// what it wants to know it asks the daemon for.

import * as kit from "./kit.js";
import { Fault, column, csvFormat, setting } from "./kit.js";

const HOST = "api.kiosk.example";
const WEBHOOK_SECRET = "webhook_secret";
const API_KEY = "api_key";
const COLUMNS = [
  column("id", ["Payment ID"], "text", true),
  column("type", ["Payment type"], "text", true),
  column("order", ["Order ID"], "text", true),
  column("date", ["Paid at (UTC)"], "date", true),
  column("amount", ["Total"], "amount", true),
  column("tax", ["Sales tax"], "amount"),
  column("currency"),
  column("email", ["Customer e-mail"]),
  column("product", ["Product name"]),
];

export const connector = {
  /** What the connector says about itself. An operator reads it before trusting it. */
  describe() {
    const currencyHelp = "What the shop sells in, for example USD. Counts where a payment names no currency.";
    const manifest = {
      id: "kiosk",
      name: "Kiosk",
      version: "0.1.0",
      settings: [setting("currency", "Currency of the shop", currencyHelp, "currency", true)],
      hosts: [],
      csvFormats: [],
    };
    // door webhook
    const secretHelp = 'In Kiosk: Settings > Webhooks, the word under "Signing secret".';
    manifest.settings.push(setting(WEBHOOK_SECRET, "Secret of the webhooks", secretHelp, "secret"));
    manifest.webhook = {
      topics: ["payment.paid", "payment.refunded"],
      manualSetup: "In Kiosk: Settings > Webhooks > Add. Paste the address that `ltvd webhook url NAME` prints.",
      provable: true,
    };
    // end
    // door poll
    const keyHelp = "In Kiosk: Settings > API > Create key. Reading payments is the only permission it needs.";
    manifest.settings.push(setting(API_KEY, "API key", keyHelp, "secret"));
    manifest.hosts.push({ tag: "exact", val: HOST });
    manifest.polling = kit.polling(["modified"]);
    // end
    // door csv
    manifest.csvFormats.push(csvFormat("payments", "Payments export", COLUMNS));
    // end
    return manifest;
  },

  validate() {
    return [];
  },
};

// door csv
export const csv = {
  /** Reads a batch: every row ends in an entry, a reject or among the ignored. */
  read(format, others, rows, context) {
    const batch = { changes: [], rejects: [], ignored: 0, notes: [] };
    for (const [index, row] of kit.rows(COLUMNS.map((one) => one.name), others, rows)) {
      try {
        const kind = kit.need(row.type, "type").toLowerCase();
        // Refunds are negative in the export and positive in the API. The kind says which way the money went.
        const found = movement({ ...row, kind, atMs: kit.unixMs(row.date, "date", true) }, context);
        if (found) {
          batch.changes.push({ tag: "put", val: found });
        } else {
          batch.ignored += 1;
          batch.notes.push(`\`${row.type}\` moves no money`);
        }
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        batch.rejects.push(fault.reject(index));
      }
    }
    return batch;
  },
};

// end
// door webhook
export const webhook = {
  /** Every delivery is signed. The daemon checks the signature; the connector only says what must hold. */
  prove(delivery) {
    const hex = kit.header(delivery.headers, "x-kiosk-signature") ?? "";
    if (!/^([0-9a-f]{2})+$/i.test(hex)) {
      return { tag: "refuse", val: "the header x-kiosk-signature is missing or not hexadecimal" };
    }
    const signature = Uint8Array.from(hex.match(/../g), (pair) => Number.parseInt(pair, 16));
    return { tag: "hmac", val: { hash: "sha256", secret: WEBHOOK_SECRET, message: { tag: "body" }, signatures: [signature] } };
  },

  receive: (delivery, context) => kit.begin(readWebhook, delivery, context),
  resume: (state, replies) => kit.resume(replies),
};

/** `{"event": "payment.paid", "payment": {…}}`. A webhook that asks the platform for more would yield a request. */
function* readWebhook(task, delivery, context) {
  const body = kit.readJson(delivery.body);
  const event = kit.member(body, "event") ?? "";
  if (!event.startsWith("payment.")) return { tag: "ignored", val: `\`${event.slice(0, 100)}\` moves no money` };
  let found;
  try {
    found = ofJson(body.payment, context);
  } catch (fault) {
    throw fault instanceof Fault ? kit.malformed(fault.reason) : fault;
  }
  if (!found) return { tag: "ignored", val: "this kind of payment moves no money" };
  task.put(found);
  return { tag: "read" };
}

// end
// door poll
export const poll = {
  begin(task, context) {
    if (task.tag === "check") return kit.begin(check);
    if (task.tag === "sync") return kit.begin(sync, task.val, context);
    throw { tag: "internal", val: "this task is not supported by this connector" };
  },

  resume: (state, replies) => kit.resume(replies),
};

const REFUSED = "Kiosk does not accept the API key. Make a new one under Settings > API and put it into `api_key`";
const PAGES_MAX = 10000;

/** Sees whether the key is good. */
function* check() {
  const reply = yield kit.get(`https://${HOST}/v1/account`, [], API_KEY);
  const name = kit.member(kit.expectJson(reply, "Kiosk", REFUSED), "name");
  return { tag: "checked", val: [`account ${name ?? "without a name"}`] };
}

/** Reads every page of a window. What is put is stored at the next request, so a restart loses nothing. */
function* sync(task, window, context) {
  let received = 0;
  for (let page = 1; page < PAGES_MAX; page++) {
    const query = [["updated_from", `${window.start.utc}Z`], ["updated_to", `${window.end.utc}Z`], ["page", page]];
    const reply = yield kit.get(`https://${HOST}/v1/payments`, query, API_KEY);
    const body = kit.expectJson(reply, "Kiosk", REFUSED);
    // An answer without the list must not look like an empty window.
    if (!Array.isArray(body?.data)) throw kit.malformed("Kiosk answered without a list of payments");
    for (const payment of body.data) {
      received += 1;
      try {
        task.put(ofJson(payment, context));
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        task.reject(fault);
      }
    }
    const following = kit.member(body, "next_page");
    if (following === undefined) {
      const total = kit.member(body, "total") ?? "";
      const announced = /^[0-9]{1,15}$/.test(total) ? BigInt(total) : undefined;
      // "Complete through" moves only if everything was read.
      const complete = announced === undefined || announced === BigInt(received);
      const tallies = [{ collection: "payments", announced, received: BigInt(received) }];
      return { tag: "synced", val: { complete, axis: window.axis, tallies } };
    }
    if (following !== String(page + 1)) throw kit.malformed(`page ${page} is followed by page ${following.slice(0, 20)}`);
  }
  throw kit.malformed("the pages do not end");
}

// end
// door webhook or poll
/** A payment as webhooks and API show it. */
function ofJson(payment, context) {
  const id = kit.need(kit.member(payment, "id"), "id");
  try {
    const text = (name) => kit.member(payment, name);
    const told = {
      id,
      kind: kit.need(text("kind"), "kind"),
      order: text("order"),
      atMs: kit.unixMs(text("created_at"), "created_at"),
      amount: text("amount"),
      tax: text("tax"),
      currency: text("currency"),
      email: text("email"),
      productId: kit.member(payment.product, "id"),
      product: kit.member(payment.product, "name"),
      revision: kit.unixMs(text("updated_at"), "updated_at"),
    };
    return movement(told, context);
  } catch (fault) {
    if (fault instanceof Fault) fault.id = id.slice(0, 100);
    throw fault;
  }
}

// end
/** One payment or refund, whichever way it came. All doors end here, so that the same money has the same key. */
export function movement({ kind, amount, tax, currency, ...told }, context) {
  const kinds = new Map([["payment", "sale"], ["refund", "refund"]]);
  const fallback = context.settings.find((one) => one.name === "currency")?.value.val ?? "";
  const total = kit.absolute(kit.decimal(kit.need(amount, "amount"), "amount"));
  const parts = { total, tax: kit.absolute(kit.decimal(tax, "tax")), currency: (currency ?? fallback).toUpperCase() };
  kit.need(told.id, "id");
  kit.need(told.order, "order");
  if (!kinds.has(kind)) return undefined;
  return kit.entry({ ...told, ...parts, kind: kinds.get(kind) });
}
