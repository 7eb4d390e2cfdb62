SELECT COUNT(*) FROM towns t LEFT JOIN buys b ON t.city = b.city
