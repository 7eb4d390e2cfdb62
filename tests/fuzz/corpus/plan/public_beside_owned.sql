SELECT zone, COUNT(*) FROM buys JOIN towns ON buys.city = towns.city GROUP BY zone
