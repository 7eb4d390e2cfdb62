SELECT COUNT(*) FROM buys a JOIN (SELECT city, COUNT(*) c FROM trips GROUP BY city) x ON x.city = a.city
