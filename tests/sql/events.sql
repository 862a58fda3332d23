-- Events, customers and cohorts: what the questions read. The last of three steps.

-- Rule 14: what an entry is told apart by.
CREATE TABLE dimensions AS
SELECT column1 AS dimension
FROM (VALUES ('product'), ('coupon'), ('source'), ('campaign'), ('affiliate'), ('country'), ('integration'), ('currency'));

CREATE TABLE traits AS
SELECT entry, dimension, value FROM labels
UNION SELECT entry, 'product', products.name FROM goods JOIN products ON products.product = goods.product
UNION SELECT entry, 'integration', name FROM dated JOIN integrations i ON i.integration = dated.integration
UNION SELECT entry, 'currency', code FROM dated JOIN currencies c ON c.currency = dated.currency;

-- Those of an order are those of all its sales. Where there is none of a dimension, `(none)` stands for it.
CREATE TABLE order_traits AS
WITH given AS (
  SELECT DISTINCT order_id, dimension, value FROM sales JOIN traits ON traits.entry = sales.entry
)
SELECT order_id, dimension, value FROM given
UNION ALL
SELECT order_id, dimension, '(none)'
FROM (SELECT DISTINCT order_id FROM sales) AS orders CROSS JOIN dimensions
WHERE NOT EXISTS (SELECT 1 FROM given WHERE given.order_id = orders.order_id
                                        AND given.dimension = dimensions.dimension);

-- Those of a customer are those of the sales of the first order. Its integration and currency are those of the sale that
-- stands for it.
CREATE TABLE customer_traits AS
WITH given AS (
  SELECT DISTINCT customer, dimension, value
  FROM first_orders f
  JOIN sale_orders s ON s.paid_order = f.paid_order
  JOIN traits ON traits.entry = CASE WHEN dimension IN ('integration', 'currency') THEN f.paid_order ELSE s.sale END
)
SELECT customer, dimension, value FROM given
UNION ALL
SELECT customer, dimension, '(none)'
FROM first_orders CROSS JOIN dimensions
WHERE NOT EXISTS (SELECT 1 FROM given WHERE given.customer = first_orders.customer
                                        AND given.dimension = dimensions.dimension);

-- Filters on every order: an order passes if for each dimension that is filtered it has one of the wanted values.
CREATE TABLE passing_orders AS
SELECT order_id
FROM (SELECT DISTINCT order_id FROM dated) AS orders
WHERE NOT EXISTS (
  SELECT 1 FROM filters f
  WHERE scope = 'every' AND NOT EXISTS (
    SELECT 1 FROM filters wanted JOIN order_traits t ON t.dimension = wanted.dimension AND t.value = wanted.value
    WHERE wanted.scope = 'every' AND wanted.dimension = f.dimension AND t.order_id = orders.order_id));

-- The entries that count. Sales for nothing do so only if that is asked for. Rule 8: age is counted in days from the
-- first order. What happened before it, by day and by instant (a clock set back at midnight repeats the end of a day),
-- is in nobody's lifetime. Rule 4: `age` is that of the day on which the event counts, which for refunds may be the day
-- of its order; an order before the first one counts with the first one.
CREATE TABLE events AS
SELECT d.entry, d.order_id, d.integration, d.tie, d.kind, d.unix_ms, d.day, o.customer, a.sale, v.value, v.missing,
       d.kind = 'sale' AND d.billing = 'rebill' AS is_rebill,
       p.paid_order IS NOT NULL AS is_paid_order,
       so.paid_order AS of_paid_order,
       CASE WHEN o.customer IS NULL THEN 'nobody'
            WHEN f.customer IS NULL OR (d.day < f.first_day AND d.unix_ms < f.first_ms) THEN 'before_first_order'
            ELSE 'lifetime' END AS part_of,
       max(CASE q.refunds WHEN 'order' THEN coalesce(s.day, d.day) ELSE d.day END - f.first_day, 0) AS age,
       max(d.day - f.first_day, 0) AS own_age,
       d.kind = 'sale' AND coalesce(so.paid_order = f.paid_order, 0) AS in_first_order
FROM dated d
CROSS JOIN question q
JOIN about a ON a.entry = d.entry
JOIN owners o ON o.entry = d.entry
JOIN entry_values v ON v.entry = d.entry
LEFT JOIN sales s ON s.entry = a.sale
LEFT JOIN sale_orders so ON so.sale = a.sale
LEFT JOIN paid_orders p ON p.paid_order = d.entry
LEFT JOIN first_orders f ON f.customer = o.customer
WHERE (d.kind <> 'sale' OR s.counts) AND d.order_id IN (SELECT order_id FROM passing_orders);

-- Rule 10: whose first order is before the as-of day. Filters on the first order choose among them as those on orders do.
CREATE TABLE customers AS
SELECT f.customer, f.paid_order AS first_order, f.first_day, as_of - f.first_day AS lived
FROM first_orders f CROSS JOIN question
WHERE f.first_day < as_of AND NOT EXISTS (
  SELECT 1 FROM filters
  WHERE scope = 'first' AND NOT EXISTS (
    SELECT 1 FROM filters wanted JOIN customer_traits t ON t.dimension = wanted.dimension AND t.value = wanted.value
    WHERE wanted.scope = 'first' AND wanted.dimension = filters.dimension AND t.customer = f.customer));

-- The product that brought most in the first order. Ties: the lower number.
CREATE TABLE main_products AS
SELECT customer, name
FROM (
  SELECT f.customer, products.name,
         row_number() OVER (PARTITION BY f.customer ORDER BY sum(goods.amount) DESC, goods.product) AS turn
  FROM first_orders f
  JOIN sale_orders s ON s.paid_order = f.paid_order
  JOIN goods ON goods.entry = s.sale
  JOIN products ON products.product = goods.product
  GROUP BY f.customer, goods.product, products.name
)
WHERE turn = 1;

-- The cohorts of each customer, and the total that each is in once. Cohorts overlap where a first order has several
-- values.
CREATE TABLE members AS
SELECT customer, 1 AS is_total, 'all' AS cohort FROM customers
UNION ALL
SELECT customer, 0, CASE cohort_by WHEN 'day' THEN date WHEN 'week' THEN week WHEN 'month' THEN month ELSE quarter END
FROM customers JOIN calendar ON day = first_day CROSS JOIN question
WHERE cohort_by IN ('day', 'week', 'month', 'quarter')
UNION ALL
SELECT customers.customer, 0, value
FROM customers JOIN customer_traits t ON t.customer = customers.customer JOIN question ON dimension = cohort_by
UNION ALL
SELECT customers.customer, 0, coalesce(name, '(none)')
FROM customers LEFT JOIN main_products m ON m.customer = customers.customer CROSS JOIN question
WHERE cohort_by = 'main_product';
