SELECT COUNT(*) FROM (SELECT who, last_value(n) OVER (PARTITION BY who ORDER BY day) r FROM buys) x
