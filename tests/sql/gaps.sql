-- Time between orders by cohort (rule 12): the days between one order day of a customer and the next. Several orders on
-- one day are one order day.
WITH order_days AS (
  SELECT DISTINCT customer, day
  FROM events CROSS JOIN question
  WHERE is_paid_order AND part_of = 'lifetime' AND day < as_of
),
gaps AS (
  SELECT m.is_total, m.cohort, gap
  FROM members m
  JOIN (SELECT customer, day - lag(day) OVER (PARTITION BY customer ORDER BY day) AS gap FROM order_days) AS steps
    ON steps.customer = m.customer
  WHERE gap IS NOT NULL
),
ranked AS (
  SELECT gaps.*,
         row_number() OVER (PARTITION BY is_total, cohort ORDER BY gap) AS place,
         count(*) OVER (PARTITION BY is_total, cohort) AS count
  FROM gaps
)
SELECT is_total, cohort, count(*) AS gaps, sum(gap) AS sum_of_gaps,
       -- The middle one counts twice, or the two middle ones once each.
       sum(CASE WHEN place IN ((count + 1) / 2, (count + 2) / 2) THEN gap * CASE WHEN count % 2 = 1 THEN 2 ELSE 1 END END)
         AS twice_median
FROM ranked
GROUP BY is_total, cohort
ORDER BY is_total, cohort;
