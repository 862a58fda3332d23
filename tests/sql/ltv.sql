-- Lifetime value by cohort and horizon (rules 9 to 11): what the customers who are old enough have brought by then,
-- divided by their number. Those who are too young are in neither.
WITH brought AS (
  SELECT c.customer, h.horizon,
         h.days IS NULL OR h.days <= c.lived AS mature,
         coalesce((
           SELECT sum(e.value)
           FROM events e
           WHERE e.customer = c.customer AND e.part_of = 'lifetime' AND e.day < q.as_of
             AND CASE h.horizon WHEN 'to_date' THEN 1 WHEN 'first_order' THEN e.in_first_order ELSE e.age < h.days END
         ), 0) AS value
  FROM customers c CROSS JOIN horizons h CROSS JOIN question q
),
cells AS (
  SELECT is_total, cohort, horizon, count(*) AS customers, sum(mature) AS mature,
         sum(CASE WHEN mature THEN value ELSE 0 END) AS net
  FROM members JOIN brought ON brought.customer = members.customer
  GROUP BY is_total, cohort, horizon
),
shown AS (
  SELECT cells.*,
         CASE WHEN mature = 0 THEN 'immature' WHEN mature < customers THEN 'partial' ELSE 'complete' END AS state,
         mature > 0 AND (mature = customers OR maturity = 'customer') AS has_value,
         -- Means have two decimals at least, also where the currency has fewer.
         net * CASE WHEN units < 100 THEN 100 / units ELSE 1 END AS n
  FROM cells CROSS JOIN question JOIN currencies ON currencies.currency = question.currency
)
SELECT is_total, cohort, horizon, customers, mature,
       CASE WHEN has_value THEN net END AS net,
       CASE WHEN has_value
            THEN n / mature + sign(n) * (2 * abs(n % mature) + abs(n / mature) % 2 > mature) END AS ltv,
       state
FROM shown
ORDER BY is_total, cohort, horizon;
