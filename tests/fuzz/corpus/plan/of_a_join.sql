SELECT b.city, t.* FROM buys b JOIN towns t ON t.city = b.city LIMIT 0
