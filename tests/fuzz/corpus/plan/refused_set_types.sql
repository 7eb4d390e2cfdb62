SELECT COUNT(*) FROM (SELECT who, n FROM buys UNION ALL SELECT who, city FROM trips) x
