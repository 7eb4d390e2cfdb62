"""Charts of each kind over the demo shop, as Superset's own pages ask for them.

KINDS: (title, viz type, dataset, queries, parameters of the page).  A query is
what the chart's page sends to /api/v1/chart/data, but for the dataset.
"""

YEAR = "2024-01-01 : 2025-01-01"


def sql_metric(expression, label):
    return {"expressionType": "SQL", "sqlExpression": expression, "label": label}


COUNT = "count"
PEOPLE = sql_metric("COUNT(DISTINCT customer_id)", "people")
SUM = {"expressionType": "SIMPLE", "column": {"column_name": "amount"}, "aggregate": "SUM",
       "label": "SUM(amount)"}
AVG = {"expressionType": "SIMPLE", "column": {"column_name": "amount"}, "aggregate": "AVG",
       "label": "AVG(amount)"}


def by_time(grain):
    return {"timeGrain": grain, "columnType": "BASE_AXIS", "sqlExpression": "ordered_at",
            "label": "ordered_at", "expressionType": "SQL"}


def query(columns=(), metrics=(COUNT,), limit=1000, **more):
    return {"columns": list(columns), "metrics": list(metrics), "row_limit": limit,
            "orderby": [], "filters": [], "extras": {}, "annotation_layers": [], **more}


def over_time(grain, columns=(), metrics=(COUNT,), **more):
    return query([by_time(grain), *columns], metrics, 10000, granularity="ordered_at",
                 time_range=YEAR, **more)


def line(grain, groupby=(), metrics=(COUNT,), **more):
    return {"x_axis": "ordered_at", "time_grain_sqla": grain, "granularity_sqla": "ordered_at",
            "time_range": YEAR, "metrics": list(metrics), "groupby": list(groupby),
            "row_limit": 10000, "adhoc_filters": [], **more}


def grouped(groupby, metric=COUNT, **more):
    return {"groupby": groupby, "metric": metric, "row_limit": 100, "adhoc_filters": [],
            "sort_by_metric": True, **more}


BY_COUNT = {"orderby": [["count", False]]}
MONTH, WEEK, QUARTER = "P1M", "P1W", "P3M"
COUNTRY, CATEGORY = ["country"], ["category"]

# Superset 6.1 draws it on its own page alone: on a dashboard it hands its legend
# no state, and its own script fails.
APART = "Waterfall"

KINDS = [
    ("Orders", "big_number_total", "orders", [query(limit=50000)], {"metric": COUNT}),
    ("Customers over time", "big_number", "orders", [over_time(MONTH, (), [PEOPLE])],
     line(MONTH, metric=PEOPLE)),
    ("Sales by category", "table", "orders",
     [query(CATEGORY, [COUNT, SUM, AVG], **BY_COUNT)],
     {"query_mode": "aggregate", "groupby": CATEGORY, "metrics": [COUNT, SUM, AVG],
      "row_limit": 1000, "adhoc_filters": []}),
    ("Sales a month", "echarts_timeseries_line", "orders", [over_time(MONTH, (), [SUM])],
     line(MONTH, (), [SUM])),
    ("Orders a quarter", "echarts_timeseries_bar", "orders",
     [over_time(QUARTER, CATEGORY)], line(QUARTER, CATEGORY, stack="Stack")),
    ("Categories over time", "echarts_area", "orders",
     [over_time(MONTH, CATEGORY, series_columns=CATEGORY)], line(MONTH, CATEGORY, stack="Stack")),
    ("The two best categories", "echarts_timeseries_smooth", "orders",
     [over_time(MONTH, CATEGORY, series_columns=CATEGORY, series_limit=2,
                series_limit_metric=COUNT)],
     line(MONTH, CATEGORY, limit=2, timeseries_limit_metric=COUNT)),
    ("Steps", "echarts_timeseries_step", "orders", [over_time(QUARTER)], line(QUARTER)),
    ("Scatter", "echarts_timeseries_scatter", "orders", [over_time(WEEK)], line(WEEK)),
    ("Two metrics", "mixed_timeseries", "orders",
     [over_time(MONTH), over_time(MONTH, (), [AVG])],
     line(MONTH, metrics_b=[AVG], groupby_b=[], adhoc_filters_b=[], row_limit_b=10000)),
    ("Shares", "pie", "orders", [query(CATEGORY, **BY_COUNT)], grouped(CATEGORY)),
    ("Pivot", "pivot_table_v2", "orders", [query(COUNTRY + CATEGORY)],
     {"groupbyRows": COUNTRY, "groupbyColumns": CATEGORY, "metrics": [COUNT],
      "aggregateFunction": "Sum", "metricsLayout": "COLUMNS", "row_limit": 1000,
      "adhoc_filters": []}),
    ("Treemap", "treemap_v2", "orders", [query(COUNTRY + CATEGORY)], grouped(COUNTRY + CATEGORY)),
    ("Sunburst", "sunburst_v2", "orders", [query(COUNTRY + CATEGORY)],
     {"columns": COUNTRY + CATEGORY, "metric": COUNT, "row_limit": 1000, "adhoc_filters": []}),
    ("Heatmap", "heatmap_v2", "orders", [query(COUNTRY + CATEGORY)],
     {"x_axis": "country", "groupby": "category", "metric": COUNT, "row_limit": 1000,
      "normalize_across": "heatmap", "adhoc_filters": []}),
    ("Funnel", "funnel", "orders", [query(CATEGORY, **BY_COUNT)], grouped(CATEGORY)),
    ("Gauge", "gauge_chart", "orders", [query(CATEGORY, **BY_COUNT)], grouped(CATEGORY)),
    ("Radar", "radar", "orders", [query(CATEGORY, [COUNT, SUM, AVG])],
     {"groupby": CATEGORY, "metrics": [COUNT, SUM, AVG], "row_limit": 10, "adhoc_filters": []}),
    ("Waterfall", "waterfall", "orders", [over_time(QUARTER)], line(
        QUARTER, metric=COUNT, x_axis_time_format="smart_date", show_total=True, show_legend=True, **{
        which + "_color": {"r": 31, "g": 168 - 60 * i, "b": 201, "a": 1}
        for i, which in enumerate(("increase", "decrease", "total"))})),
    ("Bubble", "bubble_v2", "orders", [query(CATEGORY, [COUNT, AVG, SUM])],
     {"entity": "category", "x": COUNT, "y": AVG, "size": SUM, "row_limit": 100,
      "adhoc_filters": []}),
    ("Sankey", "sankey_v2", "orders", [query(COUNTRY + CATEGORY)],
     {"source": "country", "target": "category", "metric": COUNT, "row_limit": 1000,
      "adhoc_filters": []}),
    ("Words", "word_cloud", "customers", [query(["age_band"], [PEOPLE])],
     {"series": "age_band", "metric": PEOPLE, "row_limit": 100, "size_from": 10, "size_to": 70,
      "rotation": "square", "adhoc_filters": []}),
    ("World", "world_map", "customers", None,
     {"entity": "country", "country_fieldtype": "cca2", "metric": PEOPLE, "row_limit": 100,
      "show_bubbles": False, "secondary_metric": PEOPLE, "max_bubble_size": "25",
      "adhoc_filters": []}),
    ("Ages, of a query", "echarts_timeseries_bar", "by_age", [query(["age_band"], [PEOPLE])],
     {"x_axis": "age_band", "metrics": [PEOPLE], "groupby": [], "row_limit": 100,
      "adhoc_filters": []}),
    ("Box plot", "box_plot", "orders",
     [query([by_time(MONTH), "category"], [SUM], time_range=YEAR, series_columns=CATEGORY,
            post_processing=[{"operation": "boxplot", "options": {
                "whisker_type": "tukey", "groupby": CATEGORY, "metrics": ["SUM(amount)"]}}])],
     {"columns": ["ordered_at"], "groupby": CATEGORY, "metrics": [SUM], "whiskerOptions": "Tukey",
      "time_grain_sqla": MONTH, "temporal_columns_lookup": {"ordered_at": True},
      "adhoc_filters": []}),
]
