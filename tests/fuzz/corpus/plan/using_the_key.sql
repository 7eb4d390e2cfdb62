SELECT COUNT(DISTINCT who) FROM buys JOIN trips USING (who, city)
