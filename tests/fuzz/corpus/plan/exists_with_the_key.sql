SELECT COUNT(*) FROM buys b WHERE EXISTS (SELECT 1 FROM trips t WHERE t.who = b.who AND t.day < b.day)
