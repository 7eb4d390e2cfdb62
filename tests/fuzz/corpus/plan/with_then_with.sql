WITH a AS (SELECT who, n FROM buys WHERE n > 1), b AS (SELECT who, n FROM a WHERE n < 9) SELECT COUNT(*) FROM b
