SELECT COUNT(*) FROM buys a JOIN buys b ON a.city = b.city
