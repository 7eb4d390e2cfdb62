// pgjdbc on the PostgreSQL port; prints 'ok NAME' or 'FAILED NAME'.
import java.sql.*;
import java.util.*;

public class Ask {
    static boolean failed = false;

    static void check(String name, boolean right, Object seen) {
        failed |= !right;
        System.out.println((right ? "ok " : "FAILED ") + name + (right ? "" : " " + seen));
    }

    static List<String> first(ResultSet rows) throws SQLException {
        List<String> list = new ArrayList<>();
        while (rows.next())
            list.add(rows.getString(1));
        return list;
    }

    public static void main(String[] args) throws Exception {
        Properties p = new Properties();
        p.setProperty("user", "analyst");
        p.setProperty("password", System.getenv("PGPASSWORD"));
        p.setProperty("sslmode", "verify-full");
        p.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
        p.setProperty("options", "-c halftone.purpose=improve_products");
        p.setProperty("channelBinding", "require");
        String url = "jdbc:postgresql://localhost:" + System.getenv("PGPORT") + "/shop";
        String byCategory = "SELECT category, count(*) AS n, sum(amount) AS m, round(sum(amount)::numeric, 2) AS r "
            + "FROM shop.orders WHERE ordered_at >= ? AND amount < ? GROUP BY category ORDER BY category";
        List<String> categories = List.of("books", "fashion", "garden", "home", "sport");
        try (Connection c = DriverManager.getConnection(url, p)) {
            try (PreparedStatement s = c.prepareStatement(byCategory)) {
                for (int i = 0; i < 7; i++) { // from the sixth on by a named statement, and in binary
                    s.setTimestamp(1, Timestamp.valueOf("2024-01-01 00:00:00"));
                    s.setDouble(2, 100);
                    List<String> got = first(s.executeQuery());
                    if (!got.equals(categories))
                        check("pgjdbc asks with parameters", false, got);
                }
                check("pgjdbc asks with parameters, prepared and not", true, null);
                ResultSetMetaData m = s.getMetaData();
                String types = m.getColumnTypeName(1) + m.getColumnTypeName(2) + m.getColumnTypeName(3)
                    + m.getColumnTypeName(4);
                check("pgjdbc is told types", types.equals("textint8float8numeric"), types);
            }
            c.setAutoCommit(false);
            try (Statement s = c.createStatement()) {
                s.setFetchSize(3);
                List<String> got = first(s.executeQuery(
                    "SELECT country, count(*) FROM shop.customers GROUP BY country ORDER BY country"));
                check("pgjdbc pages", got.size() == 10 && got.get(9).equals("SE"), got);
            }
            c.commit();
            c.setAutoCommit(true);
            c.setReadOnly(true);
            try (Statement s = c.createStatement()) {
                SQLWarning w = null;
                s.execute("SELECT count(*) FROM shop.orders WHERE amount > 3");
                for (w = s.getWarnings(); w != null && !w.getMessage().contains("charged"); w = w.getNextWarning())
                    ;
                check("pgjdbc hears the price", w != null, s.getWarnings());
                s.execute("SELECT * FROM shop.orders");
                check("pgjdbc reads errors", false, null);
            } catch (SQLException e) {
                check("pgjdbc reads errors", e.getSQLState().equals("0A000"), e);
            }
            check("pgjdbc knows its connection is there", c.isValid(5), null);
            try (Statement s = c.createStatement()) {
                Thread t = new Thread(() -> {
                    try {
                        Thread.sleep(50);
                        s.cancel();
                    } catch (Exception e) {
                        System.out.println(e);
                    }
                });
                t.start();
                boolean cancelled = false;
                for (int i = 0; i < 190 && !cancelled; i++)
                    try {
                        s.execute("SELECT count(*) FROM shop.orders WHERE amount > " + i + ".75");
                    } catch (SQLException e) {
                        cancelled = e.getSQLState().equals("57014");
                    }
                check("pgjdbc cancels", cancelled, null);
                t.join();
            }
        }
        System.exit(failed ? 1 : 0);
    }
}
