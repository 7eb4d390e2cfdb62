"""What an analyst does in Apache Superset, done through its REST API against a
live server: a database, datasets, charts of each kind, a dashboard, SQL Lab.

Prints 'ok NAME' or 'FAILED NAME' a line a test, 'note NAME' for what is known.
With over_budget it spends what is left and looks again.  SUPERSET is its address; PGPORT, PGPASSWORD and PGSSLROOTCERT lead to Halftone.
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

import psycopg2

from charts import APART, AVG, COUNT, KINDS, PEOPLE, query

BASE = os.environ["SUPERSET"]
REFRESHES = int(os.environ.get("REFRESHES", "100"))  # of 30 s: 50 minutes
URI = "postgresql+psycopg2://analyst:{}@localhost:{}/shop".format(
    os.environ["PGPASSWORD"], os.environ["PGPORT"])
EXTRA = {"engine_params": {"connect_args": {
    "sslmode": "verify-full", "sslrootcert": os.environ["PGSSLROOTCERT"],
    "options": "-c halftone.purpose=improve_products -c halftone.rows=probe"}}, "schemas_allowed_for_file_upload": []}
COLUMNS = {
    "customers": {"customer_id", "country", "age_band", "joined"},
    "orders": {"customer_id", "ordered_at", "category", "amount", "country"},
    "touches": {"customer_id", "channel", "campaign", "touched_at", "clicked"},
    "conversions": {"customer_id", "campaign", "value", "converted_at"},
}
BY_AGE = ("SELECT c.age_band, o.category, o.customer_id FROM shop.orders AS o "
          "JOIN shop.customers AS c ON c.customer_id = o.customer_id")
failed = False


def call(method, path, body=None):
    """The status and what was said, read as JSON."""
    request = urllib.request.Request(
        BASE + path, method=method, headers={} if body is None else {
            "Content-Type": "application/json"},
        data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=120) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as e:
        said = e.read().decode(errors="replace")
        try:
            return e.code, json.loads(said)
        except ValueError:
            return e.code, said[:300]


def check(name, right, *seen):
    global failed
    failed |= not right
    print("ok" if right else "FAILED", name, flush=True)
    if not right:
        print("   ", *[str(s)[:1200] for s in seen], flush=True)
    return right


def must(name, status, said, wanted=(200, 201)):
    check(name, status in wanted, status, said)
    return said if isinstance(said, dict) else {}


def spent():
    """Rho spent, as Halftone's own table tells."""
    c = psycopg2.connect(URI.replace("+psycopg2", ""), **EXTRA["engine_params"]["connect_args"])
    with c, c.cursor() as cursor:
        cursor.execute("SELECT spent FROM halftone.budget")
        return float(cursor.fetchone()[0])


def browse():
    database = {"database_name": "Halftone", "sqlalchemy_uri": URI, "extra": json.dumps(EXTRA),
                "expose_in_sqllab": True}
    trial = {k: v for k, v in database.items() if k != "expose_in_sqllab"}
    must("a connection is tested", *call("POST", "/api/v1/database/test_connection/", trial))
    wrong = dict(trial, sqlalchemy_uri=URI.replace(os.environ["PGPASSWORD"], "wrong"))
    status, said = call("POST", "/api/v1/database/test_connection/", wrong)
    check("a wrong token is refused", status in (400, 422), status, said)
    made = must("the database is created", *call("POST", "/api/v1/database/", database))
    at = "/api/v1/database/%d/" % made["id"]
    said = must("schemas are listed", *call("GET", at + "schemas/?q=(force:!t)"))
    check("the dataset is a schema", "shop" in said.get("result", []), said)
    said = must("tables are listed", *call("GET", at + "tables/?q=(force:!t,schema_name:shop)"))
    names = {t["value"] for t in said.get("result", [])}
    check("the policy's tables are all there, and no other", names == set(COLUMNS), names)
    for table, columns in COLUMNS.items():
        said = must("columns of %s are read" % table,
                    *call("GET", at + "table_metadata/?name=%s&schema=shop" % table))
        seen = {c["name"] for c in said.get("columns", [])}
        check("columns of %s are the policy's" % table, seen == columns, seen)
    return made["id"]


def dataset(database, table, sql=None):
    body = {"database": database, "schema": "shop", "table_name": table}
    if sql:
        body["sql"] = sql
    made = must("a dataset of %s is made" % table, *call("POST", "/api/v1/dataset/", body))
    said = must("the dataset %s is read" % table,
                *call("GET", "/api/v1/dataset/%d" % made["id"]))["result"]
    return made["id"], {c["column_name"]: c for c in said["columns"]}


def make_datasets(database):
    ids = {}
    for table, columns in COLUMNS.items():
        ids[table], seen = dataset(database, table)
        check("Superset finds the columns of %s" % table, set(seen) == columns, set(seen))
        times = {n for n, c in seen.items() if c["is_dttm"]}
        check("Superset knows the times of %s" % table,
              times == columns & {"joined", "ordered_at", "touched_at", "converted_at"}, times)
    ids["by_age"], seen = dataset(database, "by_age", BY_AGE)
    check("a dataset of a query has its columns",
          set(seen) == {"age_band", "category", "customer_id"}, set(seen))
    return ids


def context(source, queries, **more):
    return {"datasource": {"id": source, "type": "table"}, "force": True, "queries": queries,
            "result_format": "json", "result_type": "full", **more}


def ask(source, queries, **more):
    """(rows of each query, or None; what was said)."""
    status, said = call("POST", "/api/v1/chart/data", context(source, queries, **more))
    if status != 200:
        return None, said
    return [r["data"] for r in said["result"]], [r.get("query") for r in said["result"]]


def make_charts(sources):
    """{title: (chart id, source, queries or None)} of those that answered."""
    charts = {}
    for title, kind, table, queries, form in KINDS:
        source = sources[table]
        form = dict(form, viz_type=kind, datasource="%d__table" % source)
        body = {"slice_name": title, "viz_type": kind, "datasource_id": source,
                "datasource_type": "table", "params": json.dumps(form)}
        if queries:
            body["query_context"] = json.dumps(context(source, queries, form_data=form))
        made = must("a chart is saved: %s" % kind, *call("POST", "/api/v1/chart/", body))
        charts[title] = (made["id"], source, queries)
        if not queries:  # an older kind, which asks by its parameters
            at = "/superset/explore_json/?form_data=" + urllib.parse.quote(
                json.dumps({"slice_id": made["id"]}))
            status, said = call("POST", at)
            check("%s shows numbers" % kind, status == 200 and said.get("data"), status, said)
            continue
        rows, said = ask(source, queries)
        check("%s shows numbers" % kind, rows and all(rows), said)
    return charts


def check_filters(sources):
    country = {"col": "country", "op": "IN", "val": ["DE", "FR"]}
    rows, said = ask(sources["orders"], [query(["country"], [COUNT], filters=[country])])
    check("a filter of two values leaves two rows",
          rows and {r["country"] for r in rows[0]} == {"DE", "FR"}, rows, said)
    year = {"col": "ordered_at", "op": "TEMPORAL_RANGE", "val": "2024-04-01 : 2024-07-01"}
    rows, said = ask(sources["orders"], [query(["category"], [COUNT], filters=[year])])
    check("a range of time filters", rows and len(rows[0]) == 5, rows, said)
    having = {"where": "(amount > 20)", "having": "(COUNT(*) > 10)"}
    rows, said = ask(sources["orders"], [query(["category"], [COUNT, AVG], extras=having)])
    check("WHERE and HAVING of one's own", rows and rows[0], rows, said)
    rows, said = ask(sources["orders"], [query(["country"], [], orderby=[["country", True]])])
    check("values for a filter of a public domain are listed",
          rows and len(rows[0]) == 10, rows, said)
    rows, said = ask(sources["orders"], [dict(query(["category", "amount"]), metrics=None)])
    check("rows of people are refused, with a way out",
          rows is None and "One that works: SELECT" in json.dumps(said), rows, said)
    rows, said = ask(sources["orders"], [query(["category", "amount"])])
    check("so is a group of nearly each row", rows is None and "floor(" in json.dumps(said), said)


def filters_of(orders):
    def native(name, kind, column, **more):
        target = {"datasetId": orders}
        if column:
            target["column"] = {"name": column}
        return {"id": "NATIVE_FILTER-" + name, "name": name, "filterType": kind,
                "targets": [target] if column else [{}], "type": "NATIVE_FILTER",
                "defaultDataMask": {"extraFormData": {}, "filterState": {}},
                "controlValues": {"multiSelect": True, "enableEmptyFilter": False}, "description": "",
                "scope": {"rootPath": ["ROOT_ID"], "excluded": []}, "cascadeParentIds": [], **more}

    return [native("Country", "filter_select", "country"), native("Time", "filter_time", None)]


def make_dashboard(charts, orders):
    """All charts but one, four a row, with two filters."""
    layout = {"DASHBOARD_VERSION_KEY": "v2", "ROOT_ID": {
        "type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]}}
    titles = [t for t in charts if t != APART]
    for first in range(0, len(titles), 4):
        row = "ROW-%d" % first
        layout["GRID_ID"]["children"].append(row)
        layout[row] = {"type": "ROW", "id": row, "children": [], "parents": ["ROOT_ID", "GRID_ID"],
                       "meta": {"background": "BACKGROUND_TRANSPARENT"}}
        for title in titles[first:first + 4]:
            chart = charts[title][0]
            name = "CHART-%d" % chart
            layout[row]["children"].append(name)
            layout[name] = {"type": "CHART", "id": name, "children": [],
                            "parents": ["ROOT_ID", "GRID_ID", row],
                            "meta": {"chartId": chart, "width": 3, "height": 36, "sliceName": title}}
    body = {"dashboard_title": "The shop, seen through Halftone", "slug": "halftone",
            "published": True, "position_json": json.dumps(layout),
            "json_metadata": json.dumps({
                "native_filter_configuration": filters_of(orders), "refresh_frequency": 30,
                "positions": layout})}
    made = must("a dashboard with filters is made", *call("POST", "/api/v1/dashboard/", body))
    call("PUT", "/api/v1/dashboard/%d" % made["id"], {"json_metadata": body["json_metadata"]})
    said = must("the dashboard's charts are listed",
                *call("GET", "/api/v1/dashboard/%d/charts" % made["id"]))
    check("all of them", len(said.get("result", [])) == len(titles), said)


def refresh(charts):
    """An idle dashboard, asked again and again: charged once."""
    some = [(s, q) for _, s, q in charts.values() if q][:6]
    first = [ask(s, q)[0] for s, q in some]
    before = spent()
    same = True
    for _ in range(REFRESHES):
        same &= [ask(s, q)[0] for s, q in some] == first
    check("a dashboard of %d charts refreshed %d times shows the same numbers"
          % (len(some), REFRESHES), same and all(first))
    after = spent()
    check("and is charged once", before > 0 and after == before, before, after)
    rows, said = ask(some[0][0], [query(["age_band"], [PEOPLE], 17)])  # a column orders lacks
    check("a wrong question is refused", rows is None, rows, said)
    ask(charts["Sales by category"][1], [query(["country", "category"], [AVG])])
    check("and a new one is charged", spent() > after, after)


def spend_all():
    """With nothing left: words in a new chart's place, the same numbers in the others'."""
    queries = [k[3] for k in KINDS if k[0] == "Sales by category"][0]
    tables = call("GET", "/api/v1/dataset/?q=(page_size:100)")[1]["result"]
    source = [t["id"] for t in tables if t["table_name"] == "orders"][0]
    first = ask(source, queries)[0]
    c = psycopg2.connect(URI.replace("+psycopg2", ""), **EXTRA["engine_params"]["connect_args"])
    c.autocommit = True
    with c.cursor() as cursor:
        for i in range(100):  # one question may cost a twentieth of the cap
            cursor.execute("SELECT cap, remaining FROM halftone.budget")
            cap, left = map(float, cursor.fetchone())
            if left < 1e-4 * cap:
                break
            cursor.execute("SET halftone.rho = %.12f" % min(0.049 * cap, 0.999 * left))
            cursor.execute("SELECT count(*) FROM orders WHERE amount < %d" % (i + 1))
    rows, said = ask(source, [query(["country", "category"], [PEOPLE])])
    check("over budget, Halftone's words stand in a chart's place",
          rows is None and "budget" in json.dumps(said), rows, said)
    check("and what was shown is shown for ever", first and ask(source, queries)[0] == first)


def sql_lab(database):
    def run(sql, client):
        return call("POST", "/api/v1/sqllab/execute/", {
            "database_id": database, "sql": sql, "schema": "shop", "runAsync": False,
            "client_id": client, "queryLimit": 1000, "select_as_cta": False, "tab": "a",
            "sql_editor_id": "1", "ctas_method": "TABLE", "expand_data": True})

    said = must("SQL Lab answers", *run(
        "SELECT category, count(*) AS n FROM orders GROUP BY category ORDER BY n DESC", "a1"))
    rows = said.get("data", [])
    check("SQL Lab has rows and types", len(rows) == 5 and
          [c["type"] for c in said.get("columns", [])] == ["STRING", "LONGINTEGER"], said)
    status, said = run("SELECT * FROM orders", "a2")
    check("SQL Lab is told why rows of people are refused",
          status >= 400 and "One that works: SELECT" in json.dumps(said), status, said)
    said = must("SQL Lab reads the budget", *run("SELECT dataset, spent, remaining FROM halftone.budget", "a3"))
    check("and it is there", said.get("data", [{}])[0].get("dataset") == "shop", said)
    status, said = run("DELETE FROM orders", "a4")
    check("SQL Lab cannot write", status >= 400, status, said)


def main():
    database = browse()
    sources = make_datasets(database)
    charts = make_charts(sources)
    check_filters(sources)
    make_dashboard(charts, sources["orders"])
    sql_lab(database)
    refresh(charts)


spend_all() if sys.argv[1:] == ["over_budget"] else main()
sys.exit(failed)
