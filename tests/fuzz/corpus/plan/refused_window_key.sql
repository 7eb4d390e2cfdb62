SELECT COUNT(*) FROM (SELECT who, row_number() OVER (ORDER BY n) r FROM buys) x
