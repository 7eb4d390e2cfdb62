SELECT row_number() OVER (PARTITION BY who ORDER BY day) FROM buys
