SELECT city, km * 1.5 AS x FROM trips WHERE 1 = 0
