SELECT COUNT(*) FROM buys a WHERE who IN (SELECT km FROM trips)
