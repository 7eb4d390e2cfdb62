SELECT COUNT(*) FROM buys a WHERE city IN (SELECT city, zone FROM towns)
