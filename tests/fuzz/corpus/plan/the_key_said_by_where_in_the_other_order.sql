SELECT COUNT(*) FROM buys b, trips t WHERE t.who = b.who AND b.n < 9
