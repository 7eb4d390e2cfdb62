SELECT COUNT(*) FROM buys a JOIN trips b ON a.who = b.who OR a.city = b.city
