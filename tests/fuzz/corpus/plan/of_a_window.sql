SELECT who, row_number() OVER (PARTITION BY who ORDER BY day) AS r FROM trips WHERE FALSE
