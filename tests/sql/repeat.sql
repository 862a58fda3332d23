-- Repeat rate by cohort and horizon (rule 12): those of the customers who are old enough who had a second paid order by
-- then, with rebills and without; and how many days lay between their first and their second one.
WITH orders AS (
  SELECT customer, own_age, is_rebill,
         row_number() OVER (PARTITION BY customer ORDER BY own_age, unix_ms) AS turn,
         row_number() OVER (PARTITION BY customer, is_rebill ORDER BY own_age, unix_ms) AS turn_of_sort
  FROM events CROSS JOIN question
  WHERE is_paid_order AND part_of = 'lifetime' AND day < as_of
),
customers_with_second AS (
  SELECT c.customer, c.lived,
         second.own_age AS second_age,
         second.own_age - first.own_age AS gap,
         second_without.own_age AS second_age_without
  FROM customers c
  LEFT JOIN orders first ON first.customer = c.customer AND first.turn = 1
  LEFT JOIN orders second ON second.customer = c.customer AND second.turn = 2
  LEFT JOIN orders second_without ON second_without.customer = c.customer AND NOT second_without.is_rebill
                                  AND second_without.turn_of_sort = 2
),
mature AS (
  SELECT is_total, cohort, horizon, gap,
         coalesce(second_age < days, 0) AS repeats,
         coalesce(second_age_without < days, 0) AS repeats_without
  FROM members m
  JOIN customers_with_second c ON c.customer = m.customer
  JOIN horizons ON days <= lived
),
ranked AS (
  SELECT is_total, cohort, horizon, gap,
         row_number() OVER (PARTITION BY is_total, cohort, horizon ORDER BY gap) AS place,
         count(*) OVER (PARTITION BY is_total, cohort, horizon) AS count
  FROM mature
  WHERE repeats
),
medians AS (
  -- The middle one counts twice, or the two middle ones once each.
  SELECT is_total, cohort, horizon, sum(gap * CASE WHEN count % 2 = 1 THEN 2 ELSE 1 END) AS twice_median
  FROM ranked
  WHERE place IN ((count + 1) / 2, (count + 2) / 2)
  GROUP BY is_total, cohort, horizon
)
SELECT m.is_total, m.cohort, m.horizon,
       count(*) AS mature,
       sum(repeats) AS with_rebills,
       sum(repeats_without) AS without_rebills,
       coalesce(sum(CASE WHEN repeats THEN gap END), 0) AS sum_of_gaps,
       twice_median
FROM mature m
LEFT JOIN medians ON medians.is_total = m.is_total AND medians.cohort = m.cohort AND medians.horizon = m.horizon
GROUP BY m.is_total, m.cohort, m.horizon
ORDER BY m.is_total, m.cohort, m.horizon;
