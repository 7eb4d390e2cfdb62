SELECT COUNT(*) FROM (SELECT who, city FROM buys EXCEPT SELECT who, city FROM trips) x
