SELECT COUNT(DISTINCT t.who), COUNT(t.who), COUNT(DISTINCT b.who) FROM buys b LEFT JOIN trips t ON b.who = t.who
