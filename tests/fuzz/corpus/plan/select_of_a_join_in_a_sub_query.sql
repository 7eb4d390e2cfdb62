SELECT zone, COUNT(*) FROM (SELECT b.*, t.zone FROM buys AS b JOIN towns AS t ON t.city = b.city WHERE b.n < 4) AS v GROUP BY zone
