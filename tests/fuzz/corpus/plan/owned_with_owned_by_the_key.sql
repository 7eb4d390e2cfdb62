SELECT COUNT(DISTINCT b.who) FROM buys b JOIN trips t ON b.who = t.who
