# R's clients on the PostgreSQL port: RPostgreSQL by DBI, RODBC by psqlODBC, dbplyr.
# Prints 'ok CLIENT: COLUMN: ...' or 'FAILED ...', as python/common.py tells.
suppressPackageStartupMessages({library(DBI); library(RPostgreSQL); library(RODBC)})
failed <- FALSE
check <- function(client, column, saw, right, seen = NULL) {
  right <- isTRUE(right)
  failed <<- failed || !right
  cat(if (right) "ok " else "FAILED ", client, ": ", column, ": ", saw, "\n", sep = "")
  if (!right) print(seen)
}
says <- function(word, call) {
  said <- tryCatch({ call; "nothing" }, error = function(e) conditionMessage(e),
                   warning = function(w) conditionMessage(w))
  if (grepl(word, said)) TRUE else said
}
by_category <- paste("SELECT category, count(*) AS n, sum(amount) AS m FROM shop.orders",
                     "WHERE ordered_at >= %s AND amount < %s GROUP BY category ORDER BY category")
by_country <- paste("SELECT country, count(DISTINCT customer_id) AS n FROM shop.customers",
                    "GROUP BY country ORDER BY country")
categories <- c("books", "fashion", "garden", "home", "sport")
tables <- c("conversions", "customers", "orders", "touches")
columns <- c("customer_id", "ordered_at", "category", "amount", "country")
types <- paste("SELECT true AS b, -2::int4 AS i4, 3000000000::int8 AS i8, -2.5::float8 AS f8, 1234.5::numeric AS n,",
               "'x'::text AS t, date '2024-02-29' AS d, timestamp '2024-02-29 12:34:56' AS ts, NULL::text AS none")

# ---- RPostgreSQL: libpq's environment tells it of TLS and of the purpose ----
connect <- function(...) {
  where <- modifyList(list(drv = PostgreSQL(), host = "localhost", port = as.integer(Sys.getenv("PGPORT")),
                           dbname = "shop", user = "analyst", password = Sys.getenv("PGPASSWORD")), list(...))
  do.call(dbConnect, where)
}
Sys.setenv(PGSSLMODE = "verify-full", PGOPTIONS = "-c halftone.purpose=improve_products")
ca <- Sys.getenv("PGSSLROOTCERT")
Sys.setenv(PGSSLROOTCERT = Sys.getenv("PGOTHERCERT"))
check("RPostgreSQL", "tls", "another authority is refused", says("certificate verify failed", connect()))
Sys.setenv(PGSSLROOTCERT = ca)
check("RPostgreSQL", "scram", "a wrong password is refused",
      says("password authentication failed", connect(password = "wrong")))
Sys.setenv(PGCHANNELBINDING = "require")
con <- connect()
check("RPostgreSQL", "binding", "channel_binding=require, by libpq's environment",
      dbGetQuery(con, "SELECT 1 AS one")$one == 1)
check("RPostgreSQL", "browse", "the policy's tables", # of both datasets
      identical(sort(unique(dbListTables(con))), tables), dbListTables(con))
check("RPostgreSQL", "browse", "and their columns", identical(dbListFields(con, "orders"), columns),
      dbListFields(con, "orders"))
check("RPostgreSQL", "describe", "LIMIT 0 tells columns",
      identical(names(dbGetQuery(con, "SELECT * FROM shop.orders LIMIT 0")), columns))
got <- dbGetQuery(con, sprintf(by_category, "$1", "$2"), c("2024-01-01", "100"))
check("RPostgreSQL", "parameters", "by a time and a number", identical(got$category, categories), got)
row <- dbGetQuery(con, types)
check("RPostgreSQL", "types", "a value of each type", row$b && row$i4 == -2L && row$i8 == 3e9 && row$f8 == -2.5 &&
      row$n == 1234.5 && row$t == "x" && row$d == as.Date("2024-02-29") && is.na(row$none) &&
      format(row$ts, "%F %T") == "2024-02-29 12:34:56", row)
res <- dbSendQuery(con, by_country)
sizes <- c()
while (!dbHasCompleted(res) && nrow(page <- fetch(res, 3)) > 0) sizes <- c(sizes, nrow(page))
invisible(dbClearResult(res))
check("RPostgreSQL", "page", "fetch, three rows at a time", identical(sizes, c(3L, 3L, 3L, 1L)), sizes)
sink("/dev/null") # it prints what it was told
suppressWarnings(dbGetQuery(con, "SELECT * FROM shop.orders"))
sink()
check("RPostgreSQL", "errors", "rows of people are refused", grepl("rows of people", dbGetException(con)$errorMsg))
check("RPostgreSQL", "cancel", "none: no call for it",
      length(grep("cancel", ls("package:RPostgreSQL"), ignore.case = TRUE)) == 0)
check("RPostgreSQL", "binary", "none: asks for text only",
      length(grep("binary", ls("package:RPostgreSQL"), ignore.case = TRUE)) == 0)
check("RPostgreSQL", "errors", "its connection is of use afterwards", dbGetQuery(con, "SELECT 1 AS one")$one == 1)
invisible(dbDisconnect(con))

# ---- RODBC ----
Sys.unsetenv("PGCHANNELBINDING")
odbc <- function(password = Sys.getenv("PGPASSWORD")) odbcDriverConnect(paste0(
  "Driver=", Sys.getenv("PGODBC"), ";Servername=localhost;Port=", Sys.getenv("PGPORT"),
  ";Database=shop;Username=analyst;Password=", password, ";SSLmode=verify-full"), believeNRows = FALSE)
check("RODBC", "scram", "a wrong password is refused", says("password authentication failed", odbc("wrong")))
Sys.setenv(PGSSLROOTCERT = Sys.getenv("PGOTHERCERT"))
check("RODBC", "tls", "another authority is refused", says("certificate verify failed", odbc()))
Sys.setenv(PGSSLROOTCERT = ca)
con <- odbc()
found <- sqlTables(con, schema = "shop", tableType = "TABLE")$TABLE_NAME
check("RODBC", "browse", "the policy's tables", identical(sort(as.character(found)), tables), found)
found <- as.character(sqlColumns(con, "orders", schema = "shop")$COLUMN_NAME)
check("RODBC", "browse", "and their columns", identical(found, columns), found)
got <- sqlQuery(con, sprintf(by_category, "'2024-01-01'", "100"), stringsAsFactors = FALSE)
check("RODBC", "describe", "columns of an answer", identical(names(got), c("category", "n", "m")), got)
check("RODBC", "types", "numbers are numbers", is.numeric(got$n) && is.double(got$m), got)
first <- sqlQuery(con, by_country, max = 3)
sizes <- nrow(first)
while (is.data.frame(page <- sqlGetResults(con, max = 3)) && nrow(page) > 0) sizes <- c(sizes, nrow(page))
check("RODBC", "page", "sqlGetResults, three rows at a time", identical(sizes, c(3L, 3L, 3L, 1L)), sizes)
check("RODBC", "errors", "rows of people are refused",
      any(grepl("rows of people", sqlQuery(con, "SELECT * FROM shop.orders"))))
check("RODBC", "parameters", "none: it sends text as it is",
      length(grep("param|prepare|bind", ls("package:RODBC"), ignore.case = TRUE)) == 0)
check("RODBC", "cancel", "none: no call for it",
      length(grep("cancel", ls("package:RODBC"), ignore.case = TRUE)) == 0)
close(con)

# ---- dbplyr writes the questions ----
suppressPackageStartupMessages(library(dplyr))
con <- connect()
orders <- tbl(con, "orders")
got <- orders |> count(category) |> arrange(category) |> collect()
check("dbplyr", "parameters", "count by a column", identical(got$category, categories), got)
got <- orders |> filter(amount < 100, country %in% c("DE", "FR")) |> group_by(category) |>
  summarise(people = n_distinct(customer_id), spent = sum(amount, na.rm = TRUE), mean = mean(amount, na.rm = TRUE)) |>
  collect()
check("dbplyr", "parameters", "filter, group_by, summarise", nrow(got) == 5 && is.numeric(got$spent), got)
check("dbplyr", "errors", "rows of people are refused", says("rows of people", collect(orders)))
invisible(dbDisconnect(con))
quit(status = if (failed) 1 else 0)
