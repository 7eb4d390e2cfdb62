SELECT COUNT(*) FROM buys b WHERE EXISTS (SELECT 1 FROM towns t WHERE t.city = b.city AND t.zone < 2)
