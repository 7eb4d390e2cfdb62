SELECT COUNT(*) FROM buys WHERE city IN (SELECT city FROM towns GROUP BY city HAVING MAX(zone) = 2)
