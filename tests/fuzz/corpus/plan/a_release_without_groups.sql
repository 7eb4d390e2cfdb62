SELECT COUNT(*) FROM buys b JOIN (SELECT COUNT(DISTINCT who) AS n FROM trips) AS t ON b.n = t.n
