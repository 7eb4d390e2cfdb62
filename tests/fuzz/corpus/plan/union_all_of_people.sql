SELECT city, COUNT(DISTINCT who) FROM (SELECT who, city FROM buys UNION ALL SELECT who, city FROM trips) x GROUP BY city
