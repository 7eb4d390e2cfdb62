SELECT n AS city, COUNT(*) FROM (SELECT n, city FROM buys) x GROUP BY city
