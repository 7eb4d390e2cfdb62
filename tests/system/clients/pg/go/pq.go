package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/lib/pq"
)

const itsPq = client("lib/pq")

func otherCert() string { return os.Getenv("PGOTHERCERT") }

func ping(more string) error {
	db, err := sql.Open("postgres", dsn("shop", more))
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Ping()
}

func pqDoors() {
	err := ping("sslrootcert=" + otherCert())
	itsPq.check("tls", "another authority is refused", refused(err, "certificate"), err)
	err = ping("host=elsewhere hostaddr=127.0.0.1")
	itsPq.check("tls", "another name is refused", refused(err, "not elsewhere"), err)
	err = ping("password=wrong")
	itsPq.check("scram", "a wrong password is refused", refused(err, "authentication failed"), err)
	err = ping("channel_binding=require")
	itsPq.check("binding", "none: it speaks SCRAM-SHA-256 only", err != nil, err)
}

// column is the first of all rows.
func column(rows *sql.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, _ := rows.Columns()
	var list []string
	for rows.Next() {
		to := make([]any, len(names))
		var text string
		to[0] = &text
		for i := 1; i < len(to); i++ {
			to[i] = new(any)
		}
		if err := rows.Scan(to...); err != nil {
			return list, err
		}
		list = append(list, text)
	}
	return list, rows.Err()
}

func pqAsks(db *sql.DB) {
	got, err := column(db.Query(tables, "shop"))
	itsPq.same("browse", "the policy's tables", itsTables, got, err)
	got, err = column(db.Query(columns, "shop"))
	itsPq.same("browse", "and their columns", itsColumns, got, err)
	rows, err := db.Query("SELECT * FROM shop.orders LIMIT 0")
	var types []string
	if err == nil {
		kinds, _ := rows.ColumnTypes()
		for _, k := range kinds {
			types = append(types, k.DatabaseTypeName())
		}
		rows.Close()
	}
	itsPq.same("describe", "LIMIT 0 tells columns and types",
		[]string{"INT8", "TIMESTAMP", "TEXT", "FLOAT8", "TEXT"}, types, err)
	got, err = column(db.Query(byCategory, since, 100.0))
	itsPq.same("parameters", "by a time and a number", categories, got, err)
	s, err := db.Prepare(byCategory)
	if err == nil {
		got, err = column(s.Query(since, 100.0))
	}
	itsPq.same("parameters", "prepared", categories, got, err)
}

func pqTypes(db *sql.DB) {
	var b bool
	var i2, i4, i8, oid int64
	var f4, f8, n float64
	var t, v, interval, name string
	var d, ts, tz time.Time
	var ai pq.Int64Array
	var at pq.StringArray
	var none sql.NullString
	err := db.QueryRow(eachType).Scan(&b, &i2, &i4, &i8, &f4, &f8, &n, &t, &v, &d, &ts, &tz, &interval, &oid, &name,
		&ai, &at, &none)
	itsPq.same("types", "a value of each type",
		[]any{true, int64(1), int64(-2), int64(3000000000), 1.5, -2.5, 1234.5, "x", "y", true, true, true,
			"1 day 02:03:04", int64(42), "nm", pq.Int64Array{1, 2}, pq.StringArray{"a", "b"}, false},
		[]any{b, i2, i4, i8, f4, f8, n, t, v, d.Equal(day), ts.Equal(noon), tz.Equal(noon), interval, oid, name, ai,
			at, none.Valid}, err)
}

// With binary_parameters it sends bytes as they are, and reads what it can in binary.
func pqBinary() {
	db, err := sql.Open("postgres", dsn("shop", "binary_parameters=yes"))
	if err != nil {
		itsPq.check("binary", "opens", false, err)
		return
	}
	defer db.Close()
	got, err := column(db.Query(byCategory, since, 100.0))
	itsPq.same("binary", "binary_parameters=yes", categories, got, err)
}

// database/sql has no call for pages: a cursor in a transaction is its way.
func pqPages(db *sql.DB) {
	var all []string
	tx, err := db.Begin()
	if err == nil {
		_, err = tx.Exec("DECLARE c CURSOR FOR " + byCountry)
	}
	for n := 3; err == nil && n == 3; {
		var page []string
		page, err = column(tx.Query("FETCH 3 FROM c"))
		n = len(page)
		all = append(all, page...)
	}
	if err == nil {
		err = tx.Commit()
	}
	itsPq.same("page", "all rows, three at a time", countries, all, err)
}

// Its way is a context that ends: it sends CancelRequest and lets the connection go.
func pqCancels(ctx context.Context) {
	db, err := sql.Open("postgres", dsn("slow", ""))
	if err != nil {
		itsPq.check("cancel", "opens", false, err)
		return
	}
	defer db.Close()
	first, cancel := context.WithCancel(ctx)
	defer cancel()
	now := first
	itsPq.cancels(func(q string) error { _, err := db.ExecContext(now, q); now = ctx; return err }, cancel,
		func(err error) bool {
			var e *pq.Error
			return errors.As(err, &e) && e.Code == "57014" || errors.Is(err, context.Canceled)
		}, db.Ping)
}

func usePq(ctx context.Context) {
	pqDoors()
	heard := ""
	base, err := pq.NewConnector(dsn("shop", ""))
	if err != nil {
		itsPq.check("scram", "connects", false, err)
		return
	}
	db := sql.OpenDB(pq.ConnectorWithNoticeHandler(base, func(n *pq.Error) { heard += n.Message }))
	defer db.Close()
	pqAsks(db)
	itsPq.check("notices", "the price", strings.Contains(heard, "charged"), heard)
	pqTypes(db)
	pqBinary()
	pqPages(db)
	_, err = db.Exec("SELECT * FROM shop.orders")
	var e *pq.Error
	itsPq.check("errors", "state and hint", errors.As(err, &e) && e.Code == "0A000" && e.Hint != "", err)
	pqCancels(ctx)
}
