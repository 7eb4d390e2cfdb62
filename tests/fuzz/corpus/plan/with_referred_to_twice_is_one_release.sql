WITH top AS (SELECT city, COUNT(*) AS n FROM buys GROUP BY city ORDER BY 2 DESC LIMIT 1) SELECT COUNT(*) FROM buys WHERE city IN (SELECT city FROM top) AND city IN (SELECT t.city FROM top t)
