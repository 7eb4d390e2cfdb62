SELECT COUNT(*) FROM towns t RIGHT JOIN buys b ON b.city = t.city WHERE t.city IS NULL
