WITH f AS (SELECT who, MIN(day) AS first FROM buys GROUP BY who) SELECT COUNT(*) FROM f JOIN f AS g ON f.who = g.who AND f.first = g.first
