SELECT COUNT(*) FROM (SELECT n - lag(n) OVER (PARTITION BY who ORDER BY day) AS gap FROM buys) x WHERE gap = 1
