-- What each entry is worth in the reporting currency. The second of three steps.
--
-- Rounded half to even, n / d is
--     n / d + sign(n) * (2 * abs(n % d) + abs(n / d) % 2 > d)
-- in whole numbers, where / and % cut off towards zero and d > 0: the quotient moves away from zero if the rest is more
-- than half of d, or just half and the quotient odd.

-- Rule 3: goods and shipping of each entry, without its sign. What takes money back follows the sale that it is about:
-- where that tells no tax (or no shipping) apart, neither does it. A share that is not told is in proportion to the sale;
-- where one of the two is told, the other is a share of what that leaves. Goods are the rest, so the parts add up.
CREATE TABLE parts AS
WITH told AS (
  SELECT d.entry, d.total,
         CASE WHEN s.entry IS NULL THEN d.tax ELSE s.tax END IS NOT NULL AS splits,
         d.tax,
         CASE WHEN s.entry IS NULL THEN coalesce(d.shipping, 0)
              WHEN s.shipping IS NULL THEN 0
              ELSE d.shipping END AS shipping,
         s.total AS sale_total, s.tax AS sale_tax, coalesce(s.shipping, 0) AS sale_shipping
  FROM dated d
  JOIN about a ON a.entry = d.entry
  LEFT JOIN dated s ON s.entry = a.sale AND d.kind <> 'sale' AND s.total > 0
),
quotients AS (
  SELECT told.*,
         (total - coalesce(shipping, 0)) * sale_tax AS tax_n,
         sale_total - CASE WHEN shipping IS NULL THEN 0 ELSE sale_shipping END AS tax_d,
         (total - coalesce(tax, 0)) * sale_shipping AS shipping_n,
         sale_total - CASE WHEN tax IS NULL THEN 0 ELSE sale_tax END AS shipping_d
  FROM told
),
shares AS (
  SELECT entry, total, splits,
         CASE WHEN tax IS NOT NULL THEN tax
              WHEN tax_d > 0
              THEN tax_n / tax_d + sign(tax_n) * (2 * abs(tax_n % tax_d) + abs(tax_n / tax_d) % 2 > tax_d)
              ELSE 0 END AS tax,
         CASE WHEN shipping IS NOT NULL THEN shipping
              WHEN shipping_d > 0
              THEN shipping_n / shipping_d
                   + sign(shipping_n) * (2 * abs(shipping_n % shipping_d) + abs(shipping_n / shipping_d) % 2 > shipping_d)
              ELSE 0 END AS shipping
  FROM quotients
)
SELECT entry, total,
       CASE WHEN splits THEN total - tax - shipping ELSE total END AS net,
       CASE WHEN splits THEN shipping ELSE 0 END AS shipping
FROM shares;

-- Rule 15: an entry is converted at the rate of the day of the sale that it is about, else of its own day. A dated rate
-- lasts until the next one, but no longer than seven days; the constant one fills the gaps.
CREATE TABLE rate_days AS
SELECT d.entry, d.currency, coalesce(s.day, d.day) AS day
FROM dated d JOIN about a ON a.entry = d.entry LEFT JOIN dated s ON s.entry = a.sale;

CREATE TABLE daily_rates AS
WITH wanted AS (
  SELECT currency, day FROM rate_days
  UNION
  SELECT question.currency, day FROM rate_days, question
)
SELECT currency, day, numerator, denominator
FROM (
  SELECT wanted.currency, wanted.day, numerator, denominator,
         row_number() OVER (PARTITION BY wanted.currency, wanted.day ORDER BY rates.day IS NULL, rates.day DESC) AS turn
  FROM wanted
  JOIN rates ON rates.currency = wanted.currency
            AND (rates.day IS NULL OR rates.day BETWEEN wanted.day - 7 AND wanted.day)
  WHERE wanted.currency <> (SELECT base FROM question)
)
WHERE turn = 1
UNION ALL
SELECT currency, day, 1, 1 FROM wanted WHERE currency = (SELECT base FROM question);

-- One minor unit of the entry's currency is n / d minor units of the reporting currency: through the base currency, and
-- NULL if one of the two rates is missing.
CREATE TABLE factors AS
SELECT r.entry,
       CASE WHEN r.currency = q.currency THEN 1 ELSE a.numerator * b.denominator * target.units END AS n,
       CASE WHEN r.currency = q.currency THEN 1 ELSE a.denominator * b.numerator * source.units END AS d
FROM rate_days r
CROSS JOIN question q
JOIN currencies source ON source.currency = r.currency
JOIN currencies target ON target.currency = q.currency
LEFT JOIN daily_rates a ON a.currency = r.currency AND a.day = r.day
LEFT JOIN daily_rates b ON b.currency = q.currency AND b.day = r.day;

-- Each part is converted and rounded by itself. `missing` tells an entry that cannot be converted; one of nothing needs
-- no rate.
CREATE TABLE entry_values AS
WITH products AS (
  SELECT parts.entry, d, net * n AS net_n, shipping * n AS shipping_n, total * n AS total_n,
         n IS NULL AND (net <> 0 OR total <> 0) AS missing
  FROM parts JOIN factors ON factors.entry = parts.entry
),
converted AS (
  SELECT entry, missing,
         coalesce(net_n / d + sign(net_n) * (2 * abs(net_n % d) + abs(net_n / d) % 2 > d), 0) AS of_goods,
         coalesce(shipping_n / d + sign(shipping_n) * (2 * abs(shipping_n % d) + abs(shipping_n / d) % 2 > d), 0)
           AS of_shipping,
         coalesce(total_n / d + sign(total_n) * (2 * abs(total_n % d) + abs(total_n / d) % 2 > d), 0) AS of_all
  FROM products
)
SELECT converted.entry, missing,
       CASE WHEN kind IN ('sale', 'chargeback_reversal') THEN 1 ELSE -1 END
       * CASE basis WHEN 'net' THEN of_goods WHEN 'total' THEN of_all ELSE of_goods + of_shipping END AS value
FROM converted
JOIN dated ON dated.entry = converted.entry
CROSS JOIN question;
