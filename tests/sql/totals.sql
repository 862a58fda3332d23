-- The shop as a whole before the as-of day, everybody's; and what lifetime value leaves out of it.
SELECT (SELECT count(*) FROM customers) AS customers,
       coalesce(sum(is_paid_order), 0) AS orders,
       coalesce(sum(is_paid_order AND is_rebill), 0) AS rebills,
       coalesce(sum(CASE WHEN kind = 'sale' AND NOT is_rebill THEN value END), 0) AS initial,
       coalesce(sum(CASE WHEN kind = 'sale' AND is_rebill THEN value END), 0) AS rebill,
       coalesce(-sum(CASE WHEN kind <> 'sale' THEN value END), 0) AS taken_back,
       coalesce(sum(value), 0) AS net,
       (SELECT count(DISTINCT p.paid_order)
        FROM events e JOIN paid_orders p ON p.paid_order = e.of_paid_order
        WHERE e.kind IN ('refund', 'void', 'chargeback') AND e.day < as_of AND p.day < as_of) AS refunded_orders,
       coalesce(sum(part_of = 'nobody' AND is_paid_order), 0) AS anonymous_orders,
       coalesce(sum(part_of = 'nobody'), 0) AS anonymous_entries,
       coalesce(sum(CASE WHEN part_of = 'nobody' THEN value END), 0) AS anonymous_net,
       coalesce(sum(part_of = 'before_first_order'), 0) AS orphan_entries,
       coalesce(sum(CASE WHEN part_of = 'before_first_order' THEN value END), 0) AS orphan_net,
       (SELECT count(*) FROM events WHERE day >= as_of) AS later_entries,
       (SELECT coalesce(sum(value), 0) FROM events WHERE day >= as_of) AS later_net,
       (SELECT count(*) FROM sales WHERE NOT counts AND day < as_of) AS free_orders
FROM question LEFT JOIN events ON day < as_of;
