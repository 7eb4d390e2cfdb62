SELECT COUNT(*) FROM buys a WHERE n IN (SELECT COUNT(*) FROM trips t WHERE t.city = a.city)
