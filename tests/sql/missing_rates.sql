-- Rule 15: which rates an answer would need and does not have, by currency. Nothing is ever converted one to one instead.
SELECT code, min(day) AS first, max(day) AS last, count(DISTINCT day) AS days
FROM (
  SELECT wanted.currency, r.day
  FROM events e
  JOIN rate_days r ON r.entry = e.entry
  CROSS JOIN question q
  JOIN currencies wanted ON wanted.currency IN (r.currency, q.currency)
  WHERE e.missing
    AND NOT EXISTS (SELECT 1 FROM daily_rates d WHERE d.currency = wanted.currency AND d.day = r.day)
) AS gaps
JOIN currencies ON currencies.currency = gaps.currency
GROUP BY code
ORDER BY code;
