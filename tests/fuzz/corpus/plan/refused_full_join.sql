SELECT COUNT(*) FROM buys a FULL JOIN trips b ON a.who = b.who
