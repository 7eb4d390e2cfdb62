// pgx and lib/pq on the PostgreSQL port; prints 'ok NAME' or 'FAILED NAME'.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
)

const byCategory = "SELECT category, count(*) AS n, sum(amount) AS m FROM shop.orders " +
	"WHERE ordered_at >= $1 AND amount < $2 GROUP BY category ORDER BY category"

var (
	failed = false
	since  = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
)

func check(name string, right bool, seen ...any) {
	if right {
		fmt.Println("ok", name)
		return
	}
	failed = true
	fmt.Println("FAILED", name, seen)
}

func usePgx(dsn string) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		check("pgx connects", false, err)
		return
	}
	defer c.Close(ctx)
	for i := 0; i < 2; i++ { // the second from its cache of statements
		rows, err := c.Query(ctx, byCategory, since, 100.0)
		n, kinds := 0, []uint32{}
		for err == nil && rows.Next() {
			var category string
			var count int64
			var mean float64
			err = rows.Scan(&category, &count, &mean)
			n++
		}
		if err == nil {
			err = rows.Err()
			for _, f := range rows.FieldDescriptions() {
				kinds = append(kinds, f.DataTypeOID)
			}
		}
		check("pgx asks with parameters", err == nil && n == 5, err, n)
		check("pgx is told types", fmt.Sprint(kinds) == "[25 20 701]", kinds)
	}
	_, err = c.Exec(ctx, "SELECT * FROM shop.orders")
	var e *pgconn.PgError
	check("pgx reads errors and hints", errors.As(err, &e) && e.Code == "0A000" && e.Hint != "", err)
	late, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	for i := 0; i < 500 && err != nil; i++ {
		_, err = c.Exec(late, fmt.Sprintf("SELECT count(*) FROM shop.orders WHERE amount > %d.25", i%190))
		if err != nil {
			break
		}
		err = errors.New("not yet")
	}
	check("pgx gives up in time", late.Err() != nil, err)
}

func usePq(dsn string) {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		check("lib/pq opens", false, err)
		return
	}
	defer db.Close()
	rows, err := db.Query(byCategory, since, 100.0)
	n := 0
	for err == nil && rows.Next() {
		var category string
		var count int64
		var mean float64
		err = rows.Scan(&category, &count, &mean)
		n++
	}
	check("lib/pq asks with parameters", err == nil && n == 5, err, n)
	s, err := db.Prepare("SELECT count(*) FROM shop.orders WHERE amount < $1")
	if err == nil {
		var count int64
		err = s.QueryRow(100).Scan(&count)
		check("lib/pq prepares", err == nil && count > 0, err)
	} else {
		check("lib/pq prepares", false, err)
	}
	_, err = db.Exec("SELECT * FROM shop.orders")
	var e *pq.Error
	check("lib/pq reads errors and hints", errors.As(err, &e) && e.Code == "0A000" && e.Hint != "", err)
	check("lib/pq pings", db.Ping() == nil)
}

func main() {
	dsn := fmt.Sprintf("host=localhost port=%s user=analyst dbname=shop password=%s sslmode=verify-full "+
		"sslrootcert=%s options='-c halftone.purpose=improve_products'",
		os.Getenv("PGPORT"), os.Getenv("PGPASSWORD"), os.Getenv("PGSSLROOTCERT"))
	usePgx(dsn)
	usePq(dsn)
	if failed {
		os.Exit(1)
	}
}
