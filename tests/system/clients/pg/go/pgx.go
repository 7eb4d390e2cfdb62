package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgtype"
)

const itsPgx = client("pgx")

func connect(ctx context.Context, more string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, dsn("shop", more))
}

func pgxDoors(ctx context.Context, other string) {
	_, err := connect(ctx, "sslrootcert="+other)
	itsPgx.check("tls", "another authority is refused", refused(err, "certificate"), err)
	cfg, _ := pgx.ParseConfig(dsn("shop", "host=elsewhere"))
	cfg.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	_, err = pgx.ConnectConfig(ctx, cfg)
	itsPgx.check("tls", "another name is refused", refused(err, "not elsewhere"), err)
	_, err = connect(ctx, "password=wrong")
	itsPgx.check("scram", "a wrong password is refused", refused(err, "28P01"), err)
	c, err := connect(ctx, "channel_binding=require require_auth=scram-sha-256")
	itsPgx.check("binding", "channel_binding=require", err == nil, err)
	if err == nil {
		c.Close(ctx)
	}
}

func first(ctx context.Context, c *pgx.Conn, query string, args ...any) ([]string, error) {
	rows, err := c.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (string, error) {
		values, err := r.Values()
		return fmt.Sprint(values[0]), err
	})
}

func pgxAsks(ctx context.Context, c *pgx.Conn) {
	got, err := first(ctx, c, tables, "shop")
	itsPgx.same("browse", "the policy's tables", itsTables, got, err)
	got, err = first(ctx, c, columns, "shop")
	itsPgx.same("browse", "and their columns", itsColumns, got, err)
	s, err := c.Prepare(ctx, "s", byCategory)
	var oids []uint32
	for i := 0; err == nil && i < len(s.Fields); i++ {
		oids = append(oids, s.Fields[i].DataTypeOID)
	}
	itsPgx.same("describe", "columns before anything is asked", []uint32{25, 20, 701}, oids, err)
	itsPgx.same("describe", "the types of parameters", []uint32{1114, 701}, s.ParamOIDs, err)
	got, err = first(ctx, c, byCategory, since, 100.0)
	itsPgx.same("parameters", "by a time and a number", categories, got, err)
	got, err = first(ctx, c, "s", since, 100.0)
	itsPgx.same("parameters", "prepared", categories, got, err)
}

func pgxTypes(ctx context.Context, c *pgx.Conn) {
	rows, err := c.Query(ctx, eachType)
	if err != nil {
		itsPgx.check("types", "a value of each type", false, err)
		return
	}
	all := true
	for _, f := range rows.FieldDescriptions() {
		all = all && f.Format == 1 || f.DataTypeOID == 25 || f.DataTypeOID == 1043 || f.DataTypeOID == 19
	}
	got, err := pgx.CollectOneRow(rows, func(r pgx.CollectableRow) ([]any, error) { return r.Values() })
	if err == nil {
		n, _ := got[6].(pgtype.Numeric).Float64Value()
		got[6] = n.Float64
		got[11] = got[11].(time.Time).UTC()
		got[12] = got[12].(pgtype.Interval)
	}
	want := []any{true, int16(1), int32(-2), int64(3000000000), float32(1.5), -2.5, 1234.5, "x", "y", day, noon, noon,
		pgtype.Interval{Days: 1, Microseconds: 7384000000, Valid: true}, uint32(42), "nm",
		[]any{int32(1), int32(2)}, []any{"a", "b"}, nil}
	itsPgx.same("types", "a value of each type", want, got, err)
	itsPgx.check("binary", "all but texts", all)
}

// pgx has no call for pages: a cursor in a transaction is its way.
func pgxPages(ctx context.Context, c *pgx.Conn) {
	var all []string
	tx, err := c.Begin(ctx)
	if err == nil {
		_, err = tx.Exec(ctx, "DECLARE c CURSOR FOR "+byCountry)
	}
	for n := 3; err == nil && n == 3; {
		var page []string
		page, err = first(ctx, c, "FETCH 3 FROM c")
		n = len(page)
		all = append(all, page...)
	}
	if err == nil {
		err = tx.Commit(ctx)
	}
	itsPgx.same("page", "all rows, three at a time", countries, all, err)
}

func pgxCancels(ctx context.Context) {
	cfg, _ := pgx.ParseConfig(dsn("slow", ""))
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: 10 * slot}
	}
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		itsPgx.check("cancel", "connects", false, err)
		return
	}
	defer c.Close(ctx)
	var e *pgconn.PgError
	stopped := func(err error) bool { return errors.As(err, &e) && e.Code == "57014" }
	usable := func() error { _, err := c.Exec(ctx, "SELECT 1"); return err }
	itsPgx.cancels(func(q string) error { _, err := c.Exec(ctx, q); return err },
		func() { c.PgConn().CancelRequest(ctx) }, stopped, usable)
	late, cancel := context.WithTimeout(ctx, slot/3)
	defer cancel()
	_, err = c.Exec(late, "SELECT count(*) FROM slow.orders WHERE category <> 'late'")
	itsPgx.check("cancel", "by a context that ends", stopped(err) && usable() == nil, err)
}

func usePgx(ctx context.Context) {
	pgxDoors(ctx, otherCert())
	cfg, _ := pgx.ParseConfig(dsn("shop", ""))
	heard := ""
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { heard += n.Message }
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		itsPgx.check("scram", "connects", false, err)
		return
	}
	defer c.Close(ctx)
	pgxAsks(ctx, c)
	itsPgx.check("notices", "the price", strings.Contains(heard, "charged"), heard)
	pgxTypes(ctx, c)
	pgxPages(ctx, c)
	_, err = c.Exec(ctx, "SELECT * FROM shop.orders")
	var e *pgconn.PgError
	itsPgx.check("errors", "state and hint", errors.As(err, &e) && e.Code == "0A000" && e.Hint != "", err)
	pgxCancels(ctx)
}
