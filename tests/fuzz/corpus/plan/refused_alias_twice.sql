SELECT COUNT(*) FROM buys a JOIN trips a ON a.who = a.who
