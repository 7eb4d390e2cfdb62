// pgx and lib/pq on the PostgreSQL port; prints 'ok CLIENT: COLUMN: ...' or 'FAILED ...',
// as python/common.py tells.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	_ "github.com/lib/pq"
)

const (
	byCategory = "SELECT category, count(*) AS n, sum(amount) AS m FROM shop.orders " +
		"WHERE ordered_at >= $1 AND amount < $2 GROUP BY category ORDER BY category"
	byCountry = "SELECT country, count(DISTINCT customer_id) AS n FROM shop.customers " +
		"GROUP BY country ORDER BY country"
	tables = "SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n " +
		"ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r' ORDER BY 1"
	columns = "SELECT column_name FROM information_schema.columns WHERE table_schema = $1 " +
		"AND table_name = 'orders' ORDER BY ordinal_position"
	eachType = "SELECT true, 1::int2, -2::int4, 3000000000::int8, 1.5::float4, -2.5::float8, 1234.5::numeric, " +
		"'x'::text, 'y'::varchar, date '2024-02-29', timestamp '2024-02-29 12:34:56.789', " +
		"timestamptz '2024-02-29 12:34:56.789+00', interval '1 day 02:03:04', 42::oid, 'nm'::name, " +
		"ARRAY[1, 2], ARRAY['a', 'b'], NULL::text"
	slot = 3 * time.Second // until an answer of the dataset "slow" leaves
)

var (
	failed     = false
	since      = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	noon       = time.Date(2024, 2, 29, 12, 34, 56, 789000000, time.UTC)
	day        = time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	categories = []string{"books", "fashion", "garden", "home", "sport"}
	countries  = []string{"DE", "ES", "FR", "GB", "IT", "MT", "NL", "PL", "PT", "SE"}
	itsTables  = []string{"conversions", "customers", "orders", "touches"}
	itsColumns = []string{"customer_id", "ordered_at", "category", "amount", "country"}
)

// client is one of them by name.
type client string

func (c client) check(column, saw string, right bool, seen ...any) {
	if right {
		fmt.Printf("ok %s: %s: %s\n", c, column, saw)
		return
	}
	failed = true
	fmt.Println("FAILED", fmt.Sprintf("%s: %s: %s", c, column, saw), seen)
}

func (c client) same(column, saw string, want, got any, err error) {
	c.check(column, saw, err == nil && reflect.DeepEqual(want, got), got, err)
}

// dsn of a database, with more that overrides.
func dsn(database, more string) string {
	return fmt.Sprintf("host=localhost port=%s user=analyst dbname=%s password=%s sslmode=verify-full "+
		"sslrootcert=%s options='-c halftone.purpose=improve_products' %s",
		os.Getenv("PGPORT"), database, os.Getenv("PGPASSWORD"), os.Getenv("PGSSLROOTCERT"), more)
}

// spent tells the rho spent from the dataset "slow".
func spent() float64 {
	db, err := sql.Open("postgres", dsn("slow", ""))
	if err != nil {
		return -1
	}
	defer db.Close()
	rows, err := db.Query("SELECT dataset, spent FROM halftone.budget")
	if err != nil {
		return -1
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var rho float64
		if rows.Scan(&name, &rho) == nil && name == "slow" {
			return rho
		}
	}
	return -1
}

// whenCharged calls act as soon as more is spent than before.
func whenCharged(before float64, act func()) {
	for end := time.Now().Add(2 * slot); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if spent() > before {
			act()
			return
		}
	}
}

// cancels: ask waits for its slot, charged, when cancel is called.
func (c client) cancels(ask func(query string) error, cancel func(), stopped func(error) bool, usable func() error) {
	query := fmt.Sprintf("SELECT count(*) FROM slow.orders WHERE category <> '%s'", c)
	before, began := spent(), time.Now()
	go whenCharged(before, cancel)
	err := ask(query)
	c.check("cancel", "57014 before its slot, charged",
		stopped(err) && time.Since(began) < slot && spent() > before, err, time.Since(began))
	err = usable()
	c.check("cancel", "the connection is of use afterwards", err == nil, err)
	before = spent()
	err = ask(query)
	c.check("cancel", "its answer is read later, free", err == nil && spent() == before, err)
}

func refused(err error, word string) bool {
	return err != nil && strings.Contains(err.Error(), word)
}

func main() {
	ctx := context.Background()
	usePgx(ctx)
	usePq(ctx)
	if failed {
		os.Exit(1)
	}
}
