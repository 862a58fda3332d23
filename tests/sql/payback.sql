-- Payback (rule 13): the first age, in days, from whose end on the cohort's customers have together brought what they
-- cost, through the last age that all of them have lived through; and the first at which they had, even if refunds took
-- it back later. The cost is one sum for each customer, or what was spent on the customers of a month.
WITH cohorts AS (
  SELECT is_total, cohort, count(*) AS customers, min(lived) - 1 AS last_day
  FROM members JOIN customers ON customers.customer = members.customer
  GROUP BY is_total, cohort
),
costs AS (
  SELECT cohorts.*,
         CASE WHEN cost IS NOT NULL THEN cost * customers
              WHEN is_total THEN (SELECT sum(amount) FROM spend)
              WHEN cohort_by = 'month' THEN (SELECT amount FROM spend WHERE month = cohort) END AS wanted
  FROM cohorts CROSS JOIN question
),
-- The curve changes on days with events only; day 0 is where it begins.
changes AS (
  SELECT is_total, cohort, age, sum(value) AS value
  FROM (
    SELECT m.is_total, m.cohort, e.age, e.value
    FROM members m JOIN events e ON e.customer = m.customer CROSS JOIN question
    WHERE e.part_of = 'lifetime' AND e.day < as_of
    UNION ALL
    SELECT is_total, cohort, 0, 0 FROM cohorts
  )
  GROUP BY is_total, cohort, age
),
curve AS (
  SELECT c.is_total, c.cohort, age, wanted,
         sum(value) OVER (PARTITION BY c.is_total, c.cohort ORDER BY age) >= wanted AS enough
  FROM changes c JOIN costs ON costs.is_total = c.is_total AND costs.cohort = c.cohort
  WHERE age <= last_day
)
SELECT is_total, cohort, customers, wanted AS cost, last_day AS last_mature_day,
       (SELECT min(age) FROM curve WHERE curve.is_total = costs.is_total AND curve.cohort = costs.cohort AND enough)
         AS first_reached_day,
       (SELECT min(age) FROM curve
        WHERE curve.is_total = costs.is_total AND curve.cohort = costs.cohort AND enough
          AND NOT EXISTS (SELECT 1 FROM curve later
                          WHERE later.is_total = curve.is_total AND later.cohort = curve.cohort
                            AND later.age > curve.age AND NOT later.enough)) AS paid_back_day
FROM costs
ORDER BY is_total, cohort;
