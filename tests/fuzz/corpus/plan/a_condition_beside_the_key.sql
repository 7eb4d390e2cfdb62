SELECT COUNT(*) FROM buys b JOIN trips t ON b.who = t.who AND b.city = t.city AND b.day > t.day
