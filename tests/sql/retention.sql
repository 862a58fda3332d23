-- Retention by cohort (rule 12): for k = 1, 2, ... the customers with a paid order of age 30k to 30k + 29, among those
-- who have lived through these days.
WITH RECURSIVE periods AS (
  SELECT 1 AS k
  UNION ALL
  SELECT k + 1 FROM periods WHERE 30 * (k + 2) <= (SELECT max(lived) FROM customers)
)
SELECT m.is_total, m.cohort, k,
       count(*) AS mature,
       sum(EXISTS (
         SELECT 1 FROM events e
         WHERE e.customer = m.customer AND e.is_paid_order AND e.part_of = 'lifetime' AND e.day < as_of
           AND e.own_age >= 30 * k AND e.own_age < 30 * k + 30
       )) AS retained
FROM members m
CROSS JOIN question
JOIN customers c ON c.customer = m.customer
JOIN periods ON 30 * k + 30 <= c.lived
GROUP BY m.is_total, m.cohort, k
ORDER BY m.is_total, m.cohort, k;
