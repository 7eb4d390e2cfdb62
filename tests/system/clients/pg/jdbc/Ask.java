// pgjdbc on the PostgreSQL port; prints 'ok pgjdbc: COLUMN: ...' or 'FAILED ...', as
// python/common.py tells.
import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;

public class Ask {
    static final String BY_CATEGORY =
        "SELECT category, count(*) AS n, sum(amount) AS m, round(sum(amount)::numeric, 2) AS r "
        + "FROM shop.orders WHERE ordered_at >= ? AND amount < ? GROUP BY category ORDER BY category";
    static final String BY_COUNTRY = "SELECT country, count(*) FROM shop.customers GROUP BY country ORDER BY country";
    static final String EACH_TYPE = "SELECT true, 1::int2, -2::int4, 3000000000::int8, 1.5::float4, -2.5::float8, "
        + "1234.5::numeric, 'x'::text, 'y'::varchar, date '2024-02-29', timestamp '2024-02-29 12:34:56.789', "
        + "timestamptz '2024-02-29 12:34:56.789+00', interval '1 day 02:03:04', 42::oid, 'nm'::name, "
        + "ARRAY[1, 2], ARRAY['a', 'b'], NULL::text";
    static final int SLOT_MS = 3000; // until an answer of the dataset "slow" leaves
    static boolean failed = false;

    static void check(String column, String saw, boolean right, Object seen) {
        failed |= !right;
        System.out.println((right ? "ok " : "FAILED ") + "pgjdbc: " + column + ": " + saw + (right ? "" : " " + seen));
    }

    static Connection connect(String database, String... more) throws SQLException {
        Properties p = new Properties();
        p.setProperty("user", "analyst");
        p.setProperty("password", System.getenv("PGPASSWORD"));
        p.setProperty("sslmode", "verify-full");
        p.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
        p.setProperty("options", "-c halftone.purpose=improve_products");
        String host = "localhost";
        for (int i = 0; i < more.length; i += 2)
            if (more[i].equals("host"))
                host = more[i + 1];
            else
                p.setProperty(more[i], more[i + 1]);
        return DriverManager.getConnection("jdbc:postgresql://" + host + ":" + System.getenv("PGPORT") + "/" + database, p);
    }

    static boolean refused(String word, String... more) {
        try (Connection c = connect("shop", more)) {
            return false;
        } catch (SQLException e) {
            String all = e.getSQLState() + " " + e.getMessage() + " " + e.getCause();
            return all.contains(word) || fail(e);
        }
    }

    static boolean fail(Exception e) {
        System.out.println("    " + e);
        return false;
    }

    static List<String> column(ResultSet rows, int at) throws SQLException {
        List<String> list = new ArrayList<>();
        while (rows.next())
            list.add(rows.getString(at));
        return list;
    }

    static void doors() throws SQLException {
        check("tls", "another authority is refused", refused("PKIX", "sslrootcert", System.getenv("PGOTHERCERT")), null);
        check("tls", "another name is refused",
            refused("elsewhere", "host", "elsewhere", "socketFactory", "ToLoopback"), null);
        check("scram", "a wrong password is refused", refused("28P01", "password", "wrong"), null);
        try (Connection c = connect("shop", "channelBinding", "require", "requireAuth", "scram-sha-256")) {
            check("binding", "channelBinding=require", c.isValid(5), null);
        }
    }

    static void browses(Connection c) throws SQLException {
        DatabaseMetaData d = c.getMetaData();
        check("browse", "schemas", column(d.getSchemas(), 1).contains("shop"), null);
        List<String> tables = column(d.getTables(null, "shop", "%", new String[] { "TABLE" }), 3);
        check("browse", "the policy's tables",
            tables.equals(List.of("conversions", "customers", "orders", "touches")), tables);
        List<String> columns = column(d.getColumns(null, "shop", "orders", "%"), 4);
        check("browse", "and their columns",
            columns.equals(List.of("customer_id", "ordered_at", "category", "amount", "country")), columns);
        check("browse", "no keys, no indexes", column(d.getPrimaryKeys(null, "shop", "orders"), 4).isEmpty()
            && column(d.getImportedKeys(null, "shop", "orders"), 4).isEmpty()
            && column(d.getIndexInfo(null, "shop", "orders", false, true), 6).isEmpty(), null);
        check("browse", "types", column(d.getTypeInfo(), 1).containsAll(List.of("int8", "timestamp", "text")), null);
        check("browse", "help as remarks", column(d.getTables(null, "shop", "orders", null), 5)
            .equals(List.of("One row per order.")), null);
    }

    static void asks(Connection c) throws SQLException {
        List<String> categories = List.of("books", "fashion", "garden", "home", "sport");
        try (PreparedStatement s = c.prepareStatement(BY_CATEGORY)) {
            ResultSetMetaData m = s.getMetaData();
            String types = "";
            for (int i = 1; i <= m.getColumnCount(); i++)
                types += m.getColumnTypeName(i) + " ";
            check("describe", "columns before anything is asked", types.equals("text int8 float8 numeric "), types);
            ParameterMetaData p = s.getParameterMetaData();
            types = p.getParameterTypeName(1) + " " + p.getParameterTypeName(2);
            check("describe", "the types of parameters", types.equals("timestamp float8"), types);
            boolean same = true;
            for (int i = 0; i < 7; i++) { // from the fifth on by a named statement, and in binary
                s.setTimestamp(1, Timestamp.valueOf("2024-01-01 00:00:00"));
                s.setDouble(2, 100);
                same &= column(s.executeQuery(), 1).equals(categories);
            }
            check("parameters", "prepared and not", same, null);
        }
        try (Statement s = c.createStatement()) {
            s.execute("SELECT count(*) FROM shop.orders WHERE amount > 3");
            SQLWarning w = s.getWarnings();
            while (w != null && !w.getMessage().contains("charged"))
                w = w.getNextWarning();
            check("notices", "the price", w != null, s.getWarnings());
            s.execute("SELECT * FROM shop.orders");
            check("errors", "rows of people are refused", false, null);
        } catch (SQLException e) {
            check("errors", "state and hint", e.getSQLState().equals("0A000") && e.getMessage().contains("Hint"), e);
        }
    }

    static void types(String column, String threshold) throws SQLException {
        LocalDateTime noon = LocalDateTime.of(2024, 2, 29, 12, 34, 56, 789000000);
        try (Connection c = connect("shop", "prepareThreshold", threshold);
             PreparedStatement s = c.prepareStatement(EACH_TYPE); ResultSet r = s.executeQuery()) {
            r.next();
            List<Object> want = Arrays.asList(true, (short) 1, -2, 3000000000L, 1.5f, -2.5, new BigDecimal("1234.5"), "x",
                "y", noon.toLocalDate(), noon, noon, "0 years 0 mons 1 days 2 hours 3 mins 4.0 secs", 42L, "nm",
                List.of(1, 2), List.of("a", "b"), null);
            List<Object> got = Arrays.asList(r.getBoolean(1), r.getShort(2), r.getInt(3), r.getLong(4), r.getFloat(5),
                r.getDouble(6), r.getBigDecimal(7), r.getString(8), r.getString(9), r.getObject(10, LocalDate.class),
                r.getObject(11, LocalDateTime.class), r.getObject(12, OffsetDateTime.class)
                    .withOffsetSameInstant(ZoneOffset.UTC).toLocalDateTime(),
                r.getObject(13).toString(), r.getLong(14), r.getString(15),
                Arrays.asList((Object[]) r.getArray(16).getArray()), Arrays.asList((Object[]) r.getArray(17).getArray()),
                r.getString(18));
            check(column, "a value of each type", got.equals(want), got);
        }
    }

    static void pages(Connection c) throws SQLException {
        c.setAutoCommit(false);
        try (Statement s = c.createStatement()) {
            s.setFetchSize(3);
            List<String> got = column(s.executeQuery(BY_COUNTRY), 1);
            check("page", "setFetchSize, in a transaction", got.size() == 10 && got.get(9).equals("SE"), got);
        }
        c.commit();
        c.setAutoCommit(true);
    }

    static double spent() throws SQLException {
        try (Connection c = connect("slow"); Statement s = c.createStatement();
             ResultSet r = s.executeQuery("SELECT dataset, spent FROM halftone.budget")) {
            while (r.next())
                if (r.getString(1).equals("slow"))
                    return r.getDouble(2);
        }
        return -1;
    }

    static void cancels() throws Exception {
        String sql = "SELECT count(*) FROM slow.orders WHERE category <> 'java'";
        try (Connection c = connect("slow"); Statement s = c.createStatement()) {
            double before = spent();
            Thread t = new Thread(() -> {
                try {
                    while (spent() == before)
                        Thread.sleep(20);
                    s.cancel();
                } catch (Exception e) {
                    System.out.println("    " + e);
                }
            });
            long began = System.currentTimeMillis();
            String state = null;
            t.start();
            try {
                s.execute(sql);
            } catch (SQLException e) {
                state = e.getSQLState();
            }
            long took = System.currentTimeMillis() - began;
            t.join();
            check("cancel", "57014 before its slot, charged",
                "57014".equals(state) && took < SLOT_MS && spent() > before, state + " " + took);
            check("cancel", "the connection is of use afterwards", s.execute("SELECT 1"), null);
            double after = spent();
            s.execute(sql);
            check("cancel", "its answer is read later, free", spent() == after, null);
            s.setQueryTimeout(1);
            try {
                s.execute("SELECT count(*) FROM slow.orders WHERE category <> 'late'");
            } catch (SQLException e) {
                state = "late " + e.getSQLState();
            }
            s.setQueryTimeout(0);
            check("cancel", "by setQueryTimeout", "late 57014".equals(state) && s.execute("SELECT 1"), state);
        }
    }

    public static void main(String[] args) throws Exception {
        doors();
        try (Connection c = connect("shop")) {
            browses(c);
            asks(c);
            pages(c);
            c.setReadOnly(true);
            check("end", "it knows its connection is there", c.isValid(5), null);
        }
        types("types", "0");
        types("binary", "-1"); // at once by a named statement, and in binary
        cancels();
        System.exit(failed ? 1 : 0);
    }
}
