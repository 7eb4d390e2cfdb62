SELECT shop.buys.city, COUNT(DISTINCT shop.buys.who) FROM shop.buys WHERE shop.buys.n < 5 GROUP BY shop.buys.city
