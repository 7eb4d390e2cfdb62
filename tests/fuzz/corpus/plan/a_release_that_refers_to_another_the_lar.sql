SELECT b.city, COUNT(*) FROM buys b JOIN (SELECT city AS c, COUNT(*) AS n FROM buys GROUP BY city ORDER BY COUNT(*) DESC LIMIT 1) AS top ON b.city = top.c GROUP BY b.city
