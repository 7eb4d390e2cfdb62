SELECT COUNT(*) FROM buys b JOIN (SELECT city, COUNT(*) AS c FROM towns GROUP BY city) t ON t.city = b.city AND t.c = 1
