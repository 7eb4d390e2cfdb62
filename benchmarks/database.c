#include "benchmarks/database.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COMMAND_CAP = 1024 };

static void check(bool is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "database: %s failed\n", what);
    exit(1);
}

void database_start(char *uri, size_t cap, const char *dir,
                    char *const *settings)
{
    char command[COMMAND_CAP];
    int len =
        snprintf(command, sizeof command,
                 "tests/postgres.sh start %s/bench-pg %d", dir, (int)getpid());
    for (; *settings && len < (int)sizeof command; settings++)
        len += snprintf(command + len, sizeof command - (size_t)len, " '%s'",
                        *settings);
    check(len < (int)sizeof command, "settings");
    FILE *f = popen(command, "r");
    if (!f || !fgets(uri, (int)cap, f))
        uri[0] = '\0';
    uri[strcspn(uri, "\n")] = '\0';
    if (f)
        (void)pclose(f);
}

void database_stop(const char *dir)
{
    char command[COMMAND_CAP];
    (void)snprintf(command, sizeof command,
                   "tests/postgres.sh stop %s/bench-pg", dir);
    check(system(command) == 0, "stop");
}

double database_cpu_s(const char *dir)
{
    char command[COMMAND_CAP], line[64] = "";
    (void)snprintf(command, sizeof command,
                   "pid=$(head -n1 %s/bench-pg/db/postmaster.pid 2>&-) || exit;"
                   " cat /proc/[0-9]*/stat 2>&- | sed 's/(.*)/x/' |"
                   " awk -v p=$pid '$4 == p { t += $14 + $15 }"
                   " END { print t + 0 }'",
                   dir);
    FILE *f = popen(command, "r");
    if (!f || !fgets(line, sizeof line, f))
        line[0] = '\0';
    if (f)
        (void)pclose(f);
    return strtod(line, NULL) / (double)sysconf(_SC_CLK_TCK);
}
