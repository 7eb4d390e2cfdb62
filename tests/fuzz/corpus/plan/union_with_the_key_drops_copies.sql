SELECT COUNT(*) FROM (SELECT who, city FROM buys UNION SELECT who, city FROM trips) x
