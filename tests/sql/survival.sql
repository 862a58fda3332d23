-- Survival of rebills by cohort and billing cycle. The first order is cycle 0, a customer's rebills from its day on are
-- cycles 1, 2, ... in the sequence of time. At risk of a cycle is who reached the one before and either reached it too or
-- has had the time to: a cycle's days and the days of grace from the last charge to the as-of day. Survival to a cycle is
-- the product of the shares so far who went on.
WITH RECURSIVE rebills AS (
  SELECT e.customer, e.day,
         row_number() OVER (PARTITION BY e.customer ORDER BY e.unix_ms, e.integration, e.tie, e.entry) AS cycle
  FROM events e
  JOIN customers c ON c.customer = e.customer
  CROSS JOIN question
  WHERE e.is_paid_order AND e.is_rebill AND e.day >= c.first_day AND e.day < as_of AND e.entry <> c.first_order
),
charges AS (
  SELECT customer, 0 AS cycle, first_day AS day FROM customers
  UNION ALL
  SELECT customer, cycle, day FROM rebills
),
cycles AS (
  SELECT m.is_total, m.cohort, before.cycle + 1 AS cycle,
         count(*) AS at_risk,
         count(after.customer) AS reached
  FROM members m
  JOIN charges before ON before.customer = m.customer
  LEFT JOIN charges after ON after.customer = m.customer AND after.cycle = before.cycle + 1
  CROSS JOIN question
  WHERE after.customer IS NOT NULL OR before.day + cycle_days + grace_days <= as_of
  GROUP BY m.is_total, m.cohort, before.cycle
),
-- Exact as long as the product of the denominators has no more than 14 digits; NULL from there on.
products AS (
  SELECT is_total, cohort, cycle, at_risk, reached, reached AS n, at_risk AS d FROM cycles WHERE cycle = 1
  UNION ALL
  SELECT c.is_total, c.cohort, c.cycle, c.at_risk, c.reached, p.n * c.reached,
         CASE WHEN p.d < 100000000000000 / c.at_risk THEN p.d * c.at_risk END
  FROM products p JOIN cycles c ON c.is_total = p.is_total AND c.cohort = p.cohort AND c.cycle = p.cycle + 1
)
SELECT is_total, cohort, cycle, at_risk, reached,
       -- Ten-thousandths.
       10000 * n / d + (2 * (10000 * n % d) + 10000 * n / d % 2 > d) AS survival
FROM products
ORDER BY is_total, cohort, cycle;
