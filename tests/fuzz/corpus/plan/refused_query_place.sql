SELECT COUNT(*) FROM buys a JOIN trips b ON a.who = b.who AND EXISTS (SELECT 1 FROM towns)
