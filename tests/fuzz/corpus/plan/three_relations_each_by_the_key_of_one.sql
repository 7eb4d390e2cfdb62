SELECT COUNT(*) FROM buys a JOIN trips b ON a.who = b.who JOIN trips c ON c.who = b.who WHERE a.n = 4
