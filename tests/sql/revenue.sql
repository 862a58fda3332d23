-- Revenue on the days on which money moved, by period and, if asked for, by something that orders are told apart by.
-- Everybody's: also what is nobody's and what lies before a first order.
WITH counted AS (
  SELECT e.*, CASE q.period WHEN 'day' THEN date WHEN 'week' THEN week WHEN 'month' THEN month ELSE quarter END AS period
  FROM events e CROSS JOIN question q JOIN calendar ON calendar.day = e.day
  WHERE e.day < q.as_of AND e.day >= coalesce(q.from_day, e.day) AND (q.to_day IS NULL OR e.day < q.to_day)
),

-- By product, the value of an entry is divided over its goods. Refunds without goods follow the sale that they are about.
baskets AS (
  SELECT c.entry, c.value, g.product, g.amount
  FROM counted c JOIN question ON divided_by = 'product'
  JOIN goods g ON g.entry = CASE WHEN EXISTS (SELECT 1 FROM goods own WHERE own.entry = c.entry) THEN c.entry
                                 ELSE c.sale END
),
-- In proportion to their amounts, or equally if all of them are zero.
weights AS (
  SELECT entry, value, product,
         CASE WHEN sum(amount) OVER (PARTITION BY entry) = 0 THEN 1 ELSE amount END AS weight
  FROM baskets
),
quotients AS (
  SELECT entry, value, product,
         abs(value) * weight / sum(weight) OVER (PARTITION BY entry) AS part,
         abs(value) * weight % sum(weight) OVER (PARTITION BY entry) AS rest
  FROM weights
),
-- What the division leaves over goes, a unit each, to the largest remainders. Ties: the lower product number.
divided AS (
  SELECT entry, product,
         sign(value) * (part + (row_number() OVER (PARTITION BY entry ORDER BY rest DESC, product)
                                <= abs(value) - sum(part) OVER (PARTITION BY entry))) AS value
  FROM quotients
),

shares AS (
  SELECT counted.*, 'all' AS share_of, counted.value AS share, is_paid_order AS counts_order
  FROM counted JOIN question ON divided_by = 'none'
  UNION ALL
  -- An entry counts in full with each value of its order: the rows overlap. Without a sale, with its own values.
  SELECT counted.*, t.value, counted.value, is_paid_order
  FROM counted
  JOIN question ON divided_by IN ('coupon', 'source', 'campaign', 'affiliate', 'country')
  JOIN order_traits t ON t.order_id = counted.order_id AND t.dimension = divided_by
  UNION ALL
  SELECT counted.*, coalesce(t.value, '(none)'), counted.value, 0
  FROM counted
  JOIN question ON divided_by IN ('coupon', 'source', 'campaign', 'affiliate', 'country')
  LEFT JOIN traits t ON t.entry = counted.entry AND t.dimension = divided_by
  WHERE counted.sale IS NULL
  UNION ALL
  SELECT counted.*, t.value, counted.value, is_paid_order
  FROM counted
  JOIN question ON divided_by IN ('integration', 'currency')
  JOIN traits t ON t.entry = counted.entry AND t.dimension = divided_by
  UNION ALL
  SELECT counted.*, coalesce(products.name, '(none)'), coalesce(divided.value, counted.value), is_paid_order
  FROM counted
  JOIN question ON divided_by = 'product'
  LEFT JOIN divided ON divided.entry = counted.entry
  LEFT JOIN products ON products.product = divided.product
)
SELECT period, share_of,
       sum(counts_order) AS orders,
       sum(counts_order AND is_rebill) AS rebills,
       sum(CASE WHEN kind = 'sale' AND NOT is_rebill THEN share ELSE 0 END) AS order_revenue,
       sum(CASE WHEN kind = 'sale' AND is_rebill THEN share ELSE 0 END) AS rebill_revenue,
       -sum(CASE WHEN kind IN ('refund', 'void') THEN share ELSE 0 END) AS refunds,
       -sum(CASE WHEN kind IN ('chargeback', 'chargeback_reversal') THEN share ELSE 0 END) AS chargebacks,
       sum(share) AS net
FROM shares
GROUP BY period, share_of
ORDER BY period, share_of;
