SELECT COUNT(*) FROM (SELECT who, city FROM buys UNION ALL SELECT zone, city FROM towns) x
