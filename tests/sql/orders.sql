-- From the ledger to paid orders: which entries there are, on which day, whose they are, and what is one order. The first
-- of three steps; rule numbers are those of the written definitions, and README.md has what those leave open.

-- Rule 7: the day of each entry in the reporting zone. The last line divides downwards, before 1970 too.
CREATE TABLE dated AS
SELECT entry, integration, order_id, kind, billing, customer, unix_ms, tie, currency, total, tax, shipping,
       (local_ms - (local_ms % 86400000 + 86400000) % 86400000) / 86400000 AS day
FROM (
  SELECT ledger.*, unix_ms + 1000 * offset_s AS local_ms
  FROM ledger JOIN offsets ON unix_ms >= from_ms AND unix_ms < to_ms
  WHERE integration IN (SELECT integration FROM asked_integrations)
);

-- The names of the periods that a day is in. Weeks are those of ISO 8601, from Monday.
CREATE TABLE calendar AS
SELECT day,
       date(day * 86400, 'unixepoch') AS date,
       strftime('%G-W%V', day * 86400, 'unixepoch') AS week,
       strftime('%Y-%m', day * 86400, 'unixepoch') AS month,
       strftime('%Y', day * 86400, 'unixepoch') || '-Q'
         || ((strftime('%m', day * 86400, 'unixepoch') + 2) / 3) AS quarter
FROM (SELECT DISTINCT day FROM dated);

-- The sales of each order by time. Rule 6: a sale for nothing counts only if that is asked for.
CREATE TABLE sales AS
SELECT dated.*,
       row_number() OVER (PARTITION BY order_id ORDER BY unix_ms, tie, entry) AS place,
       total > 0 OR (SELECT free_orders FROM question) = 'count' AS counts
FROM dated
WHERE kind = 'sale';

-- Which sale an entry is about: a sale is about itself; what takes money back (or a reversal of it) is about the latest
-- sale of its order that is not later than itself. Clocks differ: if all are later, about the first. NULL if the ledger
-- has no sale of the order.
CREATE TABLE about AS
SELECT entry,
       CASE WHEN kind = 'sale' THEN entry ELSE coalesce(
         (SELECT s.entry FROM sales s WHERE s.order_id = d.order_id AND s.unix_ms <= d.unix_ms
          ORDER BY s.place DESC LIMIT 1),
         (SELECT s.entry FROM sales s WHERE s.order_id = d.order_id ORDER BY s.place LIMIT 1)
       ) END AS sale
FROM dated d;

-- Rule 5: all entries of an order belong to the customer whom its earliest sale names; without one, to whom they name
-- themselves. Addresses that many share are nobody's.
CREATE TABLE owners AS
SELECT entry,
       CASE WHEN named IN (SELECT customer FROM shared_customers) THEN NULL ELSE named END AS customer
FROM (
  SELECT entry,
         coalesce((SELECT s.customer FROM sales s WHERE s.order_id = d.order_id AND s.customer IS NOT NULL
                   ORDER BY s.place LIMIT 1), d.customer) AS named
  FROM dated d
);

-- Rule 2: what is one paid order. Each rebill is one; all other sales of an order together are one, for which the
-- earliest of them that counts stands.
CREATE TABLE paid_orders AS
SELECT turns.entry AS paid_order, order_id, integration, currency, unix_ms, tie, day,
       billing = 'rebill' AS is_rebill, owners.customer
FROM (
  SELECT sales.*, row_number() OVER (PARTITION BY order_id, billing = 'rebill' ORDER BY place) AS turn
  FROM sales
  WHERE counts
) AS turns
JOIN owners ON owners.entry = turns.entry
WHERE billing = 'rebill' OR turn = 1;

-- The paid order that a sale is part of. A sale for nothing is part of the order that it came with.
CREATE TABLE sale_orders AS
SELECT sales.entry AS sale, paid_order
FROM sales JOIN paid_orders ON paid_orders.order_id = sales.order_id
WHERE CASE WHEN billing = 'rebill' THEN paid_order = sales.entry ELSE NOT is_rebill END;

-- Rule 6: the first order. Ties: by instant, then integration, then id.
CREATE TABLE first_orders AS
SELECT customer, paid_order, order_id, integration, currency, day AS first_day, unix_ms AS first_ms
FROM (
  SELECT paid_orders.*,
         row_number() OVER (PARTITION BY customer ORDER BY unix_ms, integration, tie, paid_order) AS turn
  FROM paid_orders
  WHERE customer IS NOT NULL
)
WHERE turn = 1;
