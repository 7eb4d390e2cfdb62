SELECT COUNT(*) FROM (SELECT who, city, row_number() OVER (PARTITION BY who ORDER BY day) AS rn FROM buys) x WHERE rn = 1 AND city = 'W'
