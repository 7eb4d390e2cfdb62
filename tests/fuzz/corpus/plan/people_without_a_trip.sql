SELECT COUNT(DISTINCT b.who) FROM buys b LEFT JOIN trips t ON b.who = t.who WHERE t.who IS NULL
