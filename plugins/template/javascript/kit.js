// What is the same in every connector: money, dates, rows, manifests, and conversations written as straight-line code.

const END_MS = 7258118400000;
const DEPTH_MAX = 64;
const CURRENCIES = new Set(
  `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC
  CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK
  JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR
  MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
  STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW`.split(/\s+/),
);
const utf8 = new TextDecoder("utf-8");
const bytes = new TextEncoder();

/** What is wrong with one row or object, while the rest can be read. */
export class Fault {
  constructor(reason, field, id) {
    Object.assign(this, { reason, field, id });
  }

  reject(index) {
    return { index, id: this.id, field: this.field, reason: this.reason };
  }
}

/** Ends a call, to be thrown: what came cannot be read. */
export const malformed = (reason) => ({ tag: "malformed", val: String(reason) });

// ---- what arrives ----------------------------------------------------------------------------------------------------------

/** A body as JSON. Write amounts that platforms send as numbers with care: they have gone through binary floating point. */
export function readJson(body) {
  const text = utf8.decode(body);
  let depth = 0;
  // The parser calls itself for each level, and the stack of an instance is small.
  for (const bracket of text.replace(/"(?:[^"\\]|\\.)*"|[^[\]{}]/g, "")) {
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    if (depth > DEPTH_MAX) throw malformed(`the body is nested deeper than ${DEPTH_MAX} levels`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw malformed("the body is not JSON");
  }
}

/** The first header with this name, in lower case; undefined if it is missing or empty. */
export function header(headers, name) {
  return headers.find((one) => one.name === name && one.value.trim())?.value.trim();
}

/** A text or number of an object as text, trimmed; undefined if it is missing, empty or anything else. */
export function member(value, name) {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  const found = isMap && Object.hasOwn(value, name) ? value[name] : undefined;
  if (typeof found !== "string" && typeof found !== "number") return undefined;
  return String(found).trim() || undefined;
}

export function need(text, field) {
  if (text === undefined) throw new Fault("is missing", field);
  return text;
}

/** A number in plain digits, `-12.50`; undefined for undefined. */
export function decimal(text, field) {
  if (text === undefined) return undefined;
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]{1,9}))?$/.exec(text);
  if (!match) throw new Fault(`\`${text.slice(0, 40)}\` is not a number`, field);
  const [, sign, whole, part = ""] = match;
  const number = BigInt(whole + part);
  if (number >= 2n ** 63n) throw new Fault(`\`${text.slice(0, 40)}\` is too large`, field);
  return { coefficient: sign ? -number : number, scale: part.length };
}

export function absolute(number) {
  if (number === undefined) return undefined;
  return { ...number, coefficient: number.coefficient < 0n ? -number.coefficient : number.coefficient };
}

function minus(left, right) {
  const scale = Math.max(left.scale, right.scale);
  const raised = (one) => one.coefficient * 10n ** BigInt(scale - one.scale);
  return { coefficient: raised(left) - raised(right), scale };
}

/** An ISO 8601 date and time with zone, or one that is known to be UTC, in milliseconds since 1970. */
export function unixMs(text, field, assumeUtc = false) {
  const match = /^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)(Z|[+-][0-9]{2}:[0-9]{2})?$/.exec(need(text, field));
  const zone = match ? match[3] ?? (assumeUtc ? "Z" : undefined) : undefined;
  const at = zone ? Date.parse(`${match[1]}T${match[2]}${zone}`) : NaN;
  // 30 February would become a day in March.
  const exists = zone && new Date(`${match[1]}T00:00:00Z`).getUTCDate() === Number(match[1].slice(8));
  if (Number.isNaN(at) || !exists) throw new Fault(`\`${text.slice(0, 40)}\` is not a date and time with zone`, field);
  return Math.floor(at);
}

/** Every row as an object by the names of its columns; empty cells are undefined. */
export function* rows(columns, others, table) {
  const names = [...columns, ...others];
  let start = 0;
  for (let index = 0; index < table.lines.length; index++) {
    const row = {};
    names.forEach((name, place) => {
      const end = table.ends[index * names.length + place];
      row[name] = utf8.decode(table.text.subarray(start, end)) || undefined;
      start = end;
    });
    yield [index, row];
  }
}

// ---- what becomes of it ----------------------------------------------------------------------------------------------------

/** One movement of money. What the daemon would refuse the whole answer for is a fault of this entry alone. */
export function entry({ kind, id, order, atMs, currency, total, email, tax, productId, product, revision = 0 }) {
  for (const [what, text] of [["the id", id], ["the order id", order]]) {
    const length = bytes.encode(text).length;
    if (length < 1 || length > 200 || /[\u0000-\u001f\u007f-\u009f]/.test(text)) throw new Fault(`${what} is empty, too long or has control characters`);
  }
  if (!CURRENCIES.has(currency)) throw new Fault(`\`${currency.slice(0, 20)}\` is not a currency code`, "currency");
  if (!(atMs >= 0 && atMs < END_MS)) throw new Fault("its date is not within the years 1970 to 2199");
  for (const amount of [total, tax]) {
    const absurd = amount && (amount.coefficient < 0n || amount.coefficient > 10n ** BigInt(10 + amount.scale));
    if (absurd) throw new Fault("an amount is negative or absurd");
  }
  const net = tax ? minus(total, tax) : total;
  const lines = product === undefined ? [] : [{
    productId: short(productId),
    name: short(product),
    quantity: { coefficient: 1n, scale: 0 },
    amount: net.coefficient < 0n ? total : net,
  }];
  return {
    key: { kind, id },
    also: [],
    orderId: order,
    billing: "unknown",
    at: { tag: "utc", val: BigInt(atMs) },
    customer: { email: short(email) },
    currency,
    amounts: { total, tax },
    lines,
    tags: [],
    revision: BigInt(revision),
  };
}

function short(text) {
  return text?.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").slice(0, 250);
}

// ---- manifests -------------------------------------------------------------------------------------------------------------

export const setting = (name, label, help, kind, required = false) => ({ name, label, help, kind: { tag: kind }, required });

export const column = (name, aliases = [], content = "text", required = false) => ({ name, aliases, content, required });

export const csvFormat = (id, name, columns) => ({ id, name, columns, otherColumns: false, groupBy: [] });

/** Gentle defaults: windows of at most 30 days, ten minutes of overlap, a week read again daily. */
export const polling = (axes) => ({
  axes,
  granularity: "second",
  windowDaysMax: 30,
  overlapS: 600,
  recheckDays: 7,
  intervalMinS: 900,
  concurrentRequestsMax: 1,
  requestTimeoutMs: 60000,
  refreshes: false,
  subscribes: false,
});

// ---- conversations ---------------------------------------------------------------------------------------------------------

/** A GET with `Authorization: Bearer` and the secret of this name, which the daemon puts in. */
export function get(url, query, secret) {
  return {
    tag: "",
    method: "get",
    url,
    query: query.map(([name, value]) => ({ name, value: { tag: "text", val: String(value) } })),
    headers: [],
    body: { tag: "none" },
    authorization: { tag: "bearer", val: secret },
    repeatable: true,
    attemptsMax: 0,
    waitMs: 0,
  };
}

let running;

/**
 * A task that is written as a generator: it yields a request and gets the reply, puts entries, and returns the outcome. The
 * daemon keeps one instance for one conversation, so the generator waits in this module between two calls. It leaves no
 * state: after a restart the daemon begins the task anew.
 */
class Task {
  changes = [];
  rejects = [];

  put(entry) {
    if (entry) this.changes.push({ tag: "put", val: entry });
  }

  reject(fault) {
    this.rejects.push(fault.reject(0));
  }

  step(reply) {
    const { done, value } = this.generator.next(reply);
    const next = done
      ? { tag: "done", val: value }
      : { tag: "ask", val: { requests: [value], orders: [], state: undefined } };
    running = done ? undefined : this;
    const step = { changes: this.changes, rejects: this.rejects, next };
    [this.changes, this.rejects] = [[], []];
    return step;
  }
}

export function begin(work, ...args) {
  const task = new Task();
  task.generator = work(task, ...args);
  return task.step(undefined);
}

export function resume(replies) {
  const task = running;
  running = undefined;
  if (!task) throw { tag: "internal", val: "no task is under way in this instance: begin it anew" };
  return task.step(replies.responses[0]);
}

/** The JSON of a successful answer. A page of a firewall must not look like an empty list. */
export function expectJson(reply, platform, refused) {
  const { tag, val } = reply.outcome;
  const unavailable = (message) => ({ tag: "unavailable", val: { message } });
  if (tag === "err") {
    if (val.tag === "timeout" || val.tag === "connection") throw unavailable(`${platform} did not answer`);
    throw malformed(`${platform} could not be asked, or answered too much at once`);
  }
  const type = header(val.headers, "content-type") ?? "";
  const isPage = type.includes("html") || utf8.decode(val.body.subarray(0, 100)).trimStart().startsWith("<");
  if ((val.status === 401 || val.status === 403) && !isPage) throw { tag: "unauthorized", val: refused };
  if (val.status === 429) throw { tag: "throttled", val: { message: `${platform} wants fewer requests` } };
  if (val.status < 200 || val.status >= 300 || isPage) throw unavailable(`${platform} answered with HTTP ${val.status}`);
  return readJson(val.body);
}
