SELECT c, COUNT(*) FROM (SELECT x.c AS c FROM (SELECT city AS c, n FROM buys) AS x WHERE x.n < 4) AS y GROUP BY c
