SELECT COUNT(*) FROM buys a LEFT JOIN trips b ON a.who = b.who JOIN trips c ON c.who = b.who
