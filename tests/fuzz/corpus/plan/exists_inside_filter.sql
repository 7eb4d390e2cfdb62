SELECT COUNT(*) FILTER (WHERE EXISTS (SELECT 1 FROM towns t WHERE t.city = b.city)) FROM buys b
