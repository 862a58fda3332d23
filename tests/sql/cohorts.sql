-- Cohorts as a whole, up to the as-of day (rule 12): orders, their average value, and what was taken back of them. Each
-- quotient stands beside its two numbers.
WITH sums AS (
  SELECT m.is_total, m.cohort,
         count(DISTINCT m.customer) AS customers,
         coalesce(sum(e.is_paid_order), 0) AS orders,
         coalesce(sum(e.is_paid_order AND e.is_rebill), 0) AS rebills,
         coalesce(sum(CASE WHEN e.kind = 'sale' THEN e.value END), 0) AS order_net,
         coalesce(-sum(CASE WHEN e.kind <> 'sale' THEN e.value END), 0) AS taken_back,
         -- A paid order that something was taken back of; a reversal takes nothing.
         count(DISTINCT CASE WHEN e.kind IN ('refund', 'void', 'chargeback') AND p.day < as_of THEN p.paid_order END)
           AS refunded_orders
  FROM members m
  CROSS JOIN question
  LEFT JOIN events e ON e.customer = m.customer AND e.part_of = 'lifetime' AND e.day < as_of
  LEFT JOIN paid_orders p ON p.paid_order = e.of_paid_order
  GROUP BY m.is_total, m.cohort
),
quotients AS (
  SELECT sums.*,
         order_net * scale AS aov_n,
         (order_net - taken_back) * scale AS after_n,
         10000 * orders AS orders_n,
         10000 * taken_back AS amount_n,
         10000 * refunded_orders AS refunded_n
  FROM sums
  CROSS JOIN (SELECT CASE WHEN units < 100 THEN 100 / units ELSE 1 END AS scale
              FROM question JOIN currencies ON currencies.currency = question.currency)
)
SELECT is_total, cohort, customers, orders, rebills, order_net, taken_back, refunded_orders,
       -- Money as in lifetime value.
       CASE WHEN orders > 0
            THEN aov_n / orders + sign(aov_n) * (2 * abs(aov_n % orders) + abs(aov_n / orders) % 2 > orders) END AS aov,
       CASE WHEN orders > 0
            THEN after_n / orders + sign(after_n) * (2 * abs(after_n % orders) + abs(after_n / orders) % 2 > orders) END
         AS aov_after_refunds,
       -- Ten-thousandths.
       orders_n / customers + (2 * (orders_n % customers) + orders_n / customers % 2 > customers) AS orders_per_customer,
       CASE WHEN order_net > 0
            THEN amount_n / order_net
                 + sign(amount_n) * (2 * abs(amount_n % order_net) + abs(amount_n / order_net) % 2 > order_net) END
         AS refund_rate,
       CASE WHEN orders > 0
            THEN refunded_n / orders + (2 * (refunded_n % orders) + refunded_n / orders % 2 > orders) END
         AS refunded_orders_rate
FROM quotients
ORDER BY is_total, cohort;
