SELECT COUNT(*) FROM buys b LEFT JOIN towns t ON b.city = t.city WHERE t.city IS NULL
