SELECT COUNT(*) FROM buys b JOIN (SELECT MAX(zone) AS z FROM towns) t ON b.n = t.z
