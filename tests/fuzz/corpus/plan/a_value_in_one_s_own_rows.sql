SELECT COUNT(*) FROM buys b WHERE city IN (SELECT city FROM trips t WHERE t.who = b.who)
