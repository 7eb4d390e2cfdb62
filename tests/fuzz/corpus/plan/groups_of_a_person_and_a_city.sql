SELECT city, COUNT(*) FROM (SELECT who, city, COUNT(*) c FROM buys GROUP BY who, city) x WHERE c > 1 GROUP BY city
