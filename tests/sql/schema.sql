-- What the other files read: the ledger's live entries, and one question.
--
-- Days are numbers of days since 1970-01-01. Amounts are whole minor units (cents) of the entry's currency, never
-- negative; the kind of an entry gives the direction. NULL stands for what the platform did not say.

CREATE TABLE integrations (
  integration INTEGER PRIMARY KEY,
  name        TEXT NOT NULL
);

CREATE TABLE currencies (
  currency INTEGER PRIMARY KEY,
  code     TEXT NOT NULL,
  units    INTEGER NOT NULL          -- minor units of one unit: 100 for USD, 1 for JPY
);

CREATE TABLE ledger (
  entry       INTEGER PRIMARY KEY,
  integration INTEGER NOT NULL,
  order_id    INTEGER NOT NULL,      -- one for each pair of integration and order
  kind        TEXT NOT NULL,         -- sale, refund, void, chargeback, chargeback_reversal
  billing     TEXT NOT NULL,         -- initial, rebill, unknown
  customer    INTEGER,               -- by e-mail address, across integrations
  unix_ms     INTEGER NOT NULL,      -- the instant, milliseconds since 1970-01-01T00:00:00Z
  tie         INTEGER NOT NULL,      -- decides between equal instants; made of the ids of order and entry
  currency    INTEGER NOT NULL,
  total       INTEGER NOT NULL,      -- with tax and shipping
  tax         INTEGER,
  shipping    INTEGER
);

-- Coupons, country and the like. An entry may have several values of one dimension.
CREATE TABLE labels (
  entry     INTEGER NOT NULL,
  dimension TEXT NOT NULL,           -- coupon, source, campaign, affiliate, country
  value     TEXT NOT NULL
);

CREATE TABLE products (
  product INTEGER PRIMARY KEY,
  name    TEXT NOT NULL              -- integration/id
);

-- What an entry is for, each product once.
CREATE TABLE goods (
  entry   INTEGER NOT NULL,
  product INTEGER NOT NULL,
  amount  INTEGER NOT NULL
);

-- The reporting zone: seconds east of UTC, for each span between two changes of its clocks.
CREATE TABLE offsets (
  from_ms  INTEGER NOT NULL,
  to_ms    INTEGER NOT NULL,         -- exclusive
  offset_s INTEGER NOT NULL
);

-- One unit of the currency is worth numerator / denominator units of the base currency, on this day or, without a day,
-- always.
CREATE TABLE rates (
  currency    INTEGER NOT NULL,
  day         INTEGER,
  numerator   INTEGER NOT NULL,
  denominator INTEGER NOT NULL
);

CREATE TABLE question (              -- one row
  currency     INTEGER NOT NULL,     -- all figures are in it
  base         INTEGER NOT NULL,     -- the currency that all rates lead to
  as_of        INTEGER NOT NULL,     -- the exclusive end of complete data
  free_orders  TEXT NOT NULL,        -- ignore, count
  basis        TEXT NOT NULL,        -- net, total, net_with_shipping
  refunds      TEXT NOT NULL,        -- event, order
  maturity     TEXT NOT NULL,        -- customer, cohort
  cohort_by    TEXT NOT NULL,        -- none; day, week, month, quarter of the first order; or something about it:
                                     -- product, main_product, coupon, source, campaign, affiliate, country,
                                     -- integration, currency
  cost         INTEGER,              -- payback: what a customer cost
  cycle_days   INTEGER NOT NULL,     -- rebills: from one charge to the next
  grace_days   INTEGER NOT NULL,     -- rebills: how much later a charge may come
  period       TEXT NOT NULL,        -- revenue by day, week, month, quarter
  divided_by   TEXT NOT NULL,        -- revenue by none, product, coupon, source, campaign, affiliate, country,
                                     -- integration, currency
  from_day     INTEGER,              -- revenue: the first day that counts
  to_day       INTEGER               -- revenue: the first day that does not count any more
);

CREATE TABLE asked_integrations (integration INTEGER PRIMARY KEY);

-- Customers whose address many people share: their orders are anonymous.
CREATE TABLE shared_customers (customer INTEGER PRIMARY KEY);

-- `first_order`, `to_date`, or a number of days under its own name.
CREATE TABLE horizons (
  horizon TEXT PRIMARY KEY,
  days    INTEGER
);

-- Several values of one dimension: any of them. Several dimensions: all of them.
CREATE TABLE filters (
  scope     TEXT NOT NULL,           -- first: customers by their first order; every: orders
  dimension TEXT NOT NULL,
  value     TEXT NOT NULL
);

-- Payback: what was spent on the customers of a month.
CREATE TABLE spend (
  month  TEXT PRIMARY KEY,           -- 2025-01
  amount INTEGER NOT NULL            -- minor units of the reporting currency
);
