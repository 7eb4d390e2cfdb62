SELECT d FROM (SELECT land, COUNT(*) AS c FROM buys GROUP BY land) x
