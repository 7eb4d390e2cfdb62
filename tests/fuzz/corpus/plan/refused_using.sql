SELECT COUNT(*) FROM buys a JOIN towns USING (zone)
